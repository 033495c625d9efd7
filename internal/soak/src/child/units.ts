import { randomUUID } from "node:crypto";
import type { UnitContext } from "@acme/domain-events";
import type { JobOptions } from "@acme/jobs";
import { LabelChanged, OrderPlaced, ProductStocked } from "../orders.ts";
import type { Driver } from "./drivers.ts";
import { name, random } from "./process.ts";

/** What a unit does, with the orders that are there if and only if it commits, and those that never are. */
export interface Plan<Tx> {
  readonly orderIds: readonly string[];
  readonly undoneIds: readonly string[];
  readonly work: Work<Tx>;
  /** Whether the unit learns the id of its transaction, to ask for when the reply to COMMIT is lost. */
  readonly hasEvents: boolean;
}

type Work<Tx> = (context: UnitContext<Tx>, plan: Plan<Tx>) => Promise<void>;

export function createPlanner<Tx>({ insert, execute }: Driver<Tx>): { choosePlan: () => Plan<Tx> } {
  function choosePlan(): Plan<Tx> {
    const count = random.chance(0.1) ? random.between(2, 10) : 1;
    const work = chooseWork();
    return {
      orderIds: makeIds(count),
      undoneIds: work === rollBackASavepoint ? makeIds(1) : [],
      work,
      hasEvents: work !== swallowAnErrorWithoutEvents,
    };
  }

  function chooseWork(): Work<Tx> {
    if (random.chance(0.7)) return placeAll;
    return random.pick([
      rollBackOnPurpose,
      swallowAnError,
      swallowAnErrorWithoutEvents,
      failAtCommit,
      rollBackASavepoint,
      placeInASavepoint,
    ]);
  }

  async function placeAll(context: UnitContext<Tx>, { orderIds }: Plan<Tx>): Promise<void> {
    for (const orderId of orderIds) await place(context, orderId);
  }

  async function rollBackOnPurpose(context: UnitContext<Tx>, plan: Plan<Tx>): Promise<void> {
    await placeAll(context, plan);
    throw new Error("rolled back on purpose");
  }

  /** The unit returns as if all were well, on a transaction that PostgreSQL has given up. */
  async function swallowAnError(context: UnitContext<Tx>, plan: Plan<Tx>): Promise<void> {
    await placeAll(context, plan);
    await execute(context.tx, "select 1 / 0").catch(() => undefined);
  }

  /** Nothing is written after the error that could fail, so only the answer to COMMIT tells. */
  async function swallowAnErrorWithoutEvents({ tx }: UnitContext<Tx>, { orderIds }: Plan<Tx>): Promise<void> {
    for (const orderId of orderIds) await insertOrder(tx, orderId, null);
    await execute(tx, "select 1 / 0").catch(() => undefined);
  }

  /** A deferred constraint that no statement violates, but COMMIT does. */
  async function failAtCommit(context: UnitContext<Tx>, plan: Plan<Tx>): Promise<void> {
    await placeAll(context, plan);
    await execute(context.tx, "insert into soak.promises (name) values ('kept'), ('kept')");
  }

  async function rollBackASavepoint(context: UnitContext<Tx>, plan: Plan<Tx>): Promise<void> {
    await placeAll(context, plan);
    const failing = context.savepoint(async (inner) => {
      for (const orderId of plan.undoneIds) await place(inner, orderId);
      throw new Error("rolled back on purpose");
    });
    await failing.catch(() => undefined);
  }

  async function placeInASavepoint(context: UnitContext<Tx>, plan: Plan<Tx>): Promise<void> {
    await context.savepoint((inner) => placeAll(inner, plan));
  }

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

  return { choosePlan };
}

function makeIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
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
