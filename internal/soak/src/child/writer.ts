import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CommitOutcomeUnknownError, createEventBus, createUnitOfWork, type UnitContext } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import type pg from "pg";
import { OrderPlaced, shipOrder } from "../orders.ts";
import { end, logger, name, openPool, random, say, stopRequested, urls } from "./process.ts";

type Context = UnitContext<pg.PoolClient>;

/** What a unit does, with the orders that are there if and only if it commits, and those that never are. */
interface Plan {
  readonly orderIds: readonly string[];
  readonly undoneIds: readonly string[];
  readonly work: (context: Context, plan: Plan) => Promise<void>;
}

const lanes = 4;
const pool = openPool(lanes + 1);
const jobs = createJobs({ outbox: { connection: urls.app }, logger });
const bus = createEventBus<pg.PoolClient>({ logger });
const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });

bus.register(OrderPlaced, function tellWhatIsSeen({ orderId }) {
  say({ kind: "seen", orderId });
});
bus.register(
  OrderPlaced,
  jobs.durable(
    shipOrder,
    ({ orderId }) => ({ orderId }),
    ({ queue }) => (queue === null ? {} : { queue }),
  ),
);

const stopping = new AbortController();
const allLanes = Promise.all(Array.from({ length: lanes }, writeUntilStopped));
await stopRequested;
stopping.abort();
await allLanes;
await jobs.close();
await pool.end();
end();

async function writeUntilStopped(): Promise<void> {
  while (!stopping.signal.aborted) {
    await runUnit(choosePlan());
    await pause(random.between(20, 100));
  }
}

async function runUnit(plan: Plan): Promise<void> {
  const { orderIds, undoneIds, work } = plan;
  try {
    await unitOfWork.run((context) => work(context, plan));
    say({ kind: "confirmed", orderIds });
    say({ kind: "undone", orderIds: undoneIds });
  } catch (error) {
    const isUnknown = error instanceof CommitOutcomeUnknownError;
    say(isUnknown ? { kind: "unknown", orderIds } : { kind: "rejected", orderIds: [...orderIds, ...undoneIds] });
  }
}

function choosePlan(): Plan {
  const count = random.chance(0.1) ? random.between(2, 10) : 1;
  const work = chooseWork();
  return { orderIds: makeIds(count), undoneIds: work === rollBackASavepoint ? makeIds(1) : [], work };
}

function makeIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}

function chooseWork(): Plan["work"] {
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

async function placeAll(context: Context, { orderIds }: Plan): Promise<void> {
  for (const orderId of orderIds) await place(context, orderId);
}

async function rollBackOnPurpose(context: Context, plan: Plan): Promise<void> {
  await placeAll(context, plan);
  throw new Error("rolled back on purpose");
}

/** The unit returns as if all were well, on a transaction that PostgreSQL has given up. */
async function swallowAnError(context: Context, plan: Plan): Promise<void> {
  await placeAll(context, plan);
  await context.tx.query("select 1 / 0").catch(() => undefined);
}

/** Nothing is written after the error that could fail, so only the answer to COMMIT tells. */
async function swallowAnErrorWithoutEvents({ tx }: Context, { orderIds }: Plan): Promise<void> {
  for (const orderId of orderIds) await insertOrder(tx, orderId);
  await tx.query("select 1 / 0").catch(() => undefined);
}

/** A deferred constraint that no statement violates, but COMMIT does. */
async function failAtCommit(context: Context, plan: Plan): Promise<void> {
  await placeAll(context, plan);
  await context.tx.query("insert into soak.promises (name) values ('kept'), ('kept')");
}

async function rollBackASavepoint(context: Context, plan: Plan): Promise<void> {
  await placeAll(context, plan);
  const failing = context.savepoint(async (inner) => {
    for (const orderId of plan.undoneIds) await place(inner, orderId);
    throw new Error("rolled back on purpose");
  });
  await failing.catch(() => undefined);
}

async function placeInASavepoint(context: Context, plan: Plan): Promise<void> {
  await context.savepoint((inner) => placeAll(inner, plan));
}

async function place({ tx, record }: Context, orderId: string): Promise<void> {
  await insertOrder(tx, orderId);
  // Few enough for a named queue to catch up after each crash of the worker that holds it.
  record(new OrderPlaced({ orderId, queue: random.chance(0.02) ? "one at a time" : null }));
}

async function insertOrder(tx: pg.PoolClient, orderId: string): Promise<void> {
  await tx.query("insert into soak.orders (id, placed_by) values ($1, $2)", [orderId, name]);
}
