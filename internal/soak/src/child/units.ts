import { randomUUID } from "node:crypto";
import type { UnitContext } from "@acme/domain-events";
import type { Driver } from "./drivers.ts";
import { createOrderPlacer } from "./place-order.ts";
import { random } from "./process.ts";

/** What a unit does, with the orders that are there if and only if it commits, and those that never are. */
export interface Plan<Tx> {
  readonly orderIds: readonly string[];
  readonly undoneIds: readonly string[];
  readonly work: Work<Tx>;
  /** Whether the unit learns the id of its transaction, to ask for when the reply to COMMIT is lost. */
  readonly hasEvents: boolean;
}

type Work<Tx> = (context: UnitContext<Tx>, plan: Plan<Tx>) => Promise<void>;

export function createPlanner<Tx>(driver: Driver<Tx>): { choosePlan: () => Plan<Tx> } {
  const { execute } = driver;
  const { place, insertOrder } = createOrderPlacer(driver);

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

  return { choosePlan };
}

function makeIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}
