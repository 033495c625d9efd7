import { setTimeout as pause } from "node:timers/promises";
import { CommitOutcomeUnknownError, createEventBus, createUnitOfWork } from "@acme/domain-events";
import { createJobs } from "@acme/jobs";
import { countStock, LabelChanged, OrderPlaced, printLabel, ProductStocked, shipOrder } from "../orders.ts";
import { type Driver, openWithKnex, openWithPg } from "./drivers.ts";
import { end, logger, name, random, say, stopRequested, urls } from "./process.ts";
import { createPlanner } from "./units.ts";

const lanes = 4;
/** Longer than the server is ever away: what became of a COMMIT can be found out. */
const outcomeTimeoutMs = 30_000;

const stopping = new AbortController();
void stopRequested.then(() => stopping.abort());
if (name.startsWith("writer-1")) await writeUntilStopped(openWithPg(lanes + 1));
else await writeUntilStopped(openWithKnex(lanes + 1));
end();

async function writeUntilStopped<Tx>(driver: Driver<Tx>): Promise<void> {
  const jobs = createJobs({ outbox: { connection: urls.app }, logger });
  const bus = createEventBus<Tx>({ logger });
  const unitOfWork = createUnitOfWork(driver.adapter, { bus, outcomeTimeoutMs });
  const { choosePlan } = createPlanner(driver);

  bus.register(OrderPlaced, function tellWhatIsSeen({ orderId }) {
    say({ kind: "seen", orderId });
  });
  bus.register(
    OrderPlaced,
    jobs.durable(
      shipOrder,
      ({ orderId }) => ({ orderId }),
      ({ options }) => options,
    ),
  );
  bus.register(
    ProductStocked,
    jobs.durable(
      countStock,
      ({ product }) => ({ product }),
      ({ options }) => options,
    ),
  );
  bus.register(
    LabelChanged,
    jobs.durable(
      printLabel,
      ({ label, version }) => ({ label, version }),
      ({ options }) => options,
    ),
  );

  async function runUnits(): Promise<void> {
    while (!stopping.signal.aborted) {
      await runUnit();
      await pause(random.between(20, 100));
    }
  }

  async function runUnit(): Promise<void> {
    const plan = choosePlan();
    const { orderIds, undoneIds, work, hasEvents } = plan;
    const fromMs = Date.now();
    try {
      await unitOfWork.run((context) => work(context, plan));
      say({ kind: "confirmed", orderIds });
      say({ kind: "undone", orderIds: undoneIds });
    } catch (error) {
      const isUnknown = error instanceof CommitOutcomeUnknownError;
      if (isUnknown && hasEvents) say({ kind: "unresolved", orderIds, fromMs, toMs: Date.now() });
      else if (isUnknown) say({ kind: "unknown", orderIds });
      else say({ kind: "rejected", orderIds: [...orderIds, ...undoneIds] });
    }
  }

  await Promise.all(Array.from({ length: lanes }, runUnits));
  await jobs.close();
  await driver.close();
}
