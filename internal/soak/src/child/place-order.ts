import type { UnitContext } from "@acme/domain-events";
import type { JobOptions } from "@acme/jobs";
import { LabelChanged, OrderPlaced, ProductStocked } from "../orders.ts";
import type { Driver } from "./drivers.ts";
import { name, random } from "./process.ts";

interface OrderPlacer<Tx> {
  /** Inserts an order and records what follows from it; some orders take a product, and some change a label. */
  place(context: UnitContext<Tx>, orderId: string): Promise<void>;
  /** Without an event. */
  insertOrder(tx: Tx, orderId: string, product: string | null): Promise<void>;
}

export function createOrderPlacer<Tx>({ insert, execute }: Driver<Tx>): OrderPlacer<Tx> {
  async function place(context: UnitContext<Tx>, orderId: string): Promise<void> {
    const { tx, record } = context;
    const product = random.chance(0.2) ? chooseProduct() : null;
    await insertOrder(tx, orderId, product);
    record(new OrderPlaced({ orderId, options: chooseOptions() }));
    if (product !== null) record(new ProductStocked({ product, options: { ...chooseKey(product), ...chooseTime() } }));
    if (random.chance(0.15)) await changeLabel(context);
  }

  async function changeLabel({ tx, record }: UnitContext<Tx>): Promise<void> {
    const label = chooseLabel();
    const { rows } = await execute(tx, `select soak.change_label('${label}') as version`);
    const version = Number(rows[0]?.["version"]);
    record(new LabelChanged({ label, version, options: { ...chooseKey(label), ...chooseTime(), ...chooseQueue() } }));
  }

  async function insertOrder(tx: Tx, orderId: string, product: string | null): Promise<void> {
    await insert(tx, "orders", { id: orderId, placed_by: name, product });
  }

  return { place, insertOrder };
}

/** Both writers fill the same few products, each for a second only: later orders would hide that a count is missing. */
function chooseProduct(): string {
  return `${Math.floor(Date.now() / 1_000)}-${random.between(1, 3)}`;
}

/** Each for a while only, too: the last version of many labels is looked for at the end. */
function chooseLabel(): string {
  return `label-${Math.floor(Date.now() / 5_000)}-${random.between(1, 3)}`;
}

function chooseOptions(): JobOptions {
  return { ...(random.chance(0.2) ? { priority: random.between(-10, 10) } : {}), ...chooseTime(), ...chooseQueue() };
}

/** Few enough for a named queue to catch up after each crash of the worker that holds it. */
function chooseQueue(): JobOptions {
  if (random.chance(0.02)) return { queue: "one at a time" };
  return random.chance(0.1) ? { queue: `queue ${random.between(1, 8)}` } : {};
}

function chooseTime(): JobOptions {
  return random.chance(0.2) ? { runAt: new Date(Date.now() + random.between(0, 3_000)) } : {};
}

function chooseKey(key: string): JobOptions {
  return { key, keyMode: random.pick(["replace", "preserveRunAt"]) };
}
