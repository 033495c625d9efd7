import { DomainEventsError, type UnitContext } from "../../../src/index.ts";
import { Root, Source } from "./ledger.ts";
import { joinedSpot, type Performing, type Spot } from "./spot.ts";
import type { EventStep } from "./program.ts";

/** Records and writes, by the same scope; half of it is nothing that a work could go on with. */
export async function performEvent<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: EventStep): Promise<void> {
  if (step.via === "callback" || step.via === "stream") await recordInside(performance, spot, step);
  else if (step.by === "joined run") await recordJoined(performance, spot, step);
  else if (!(await recordBeside(performance, spot, step))) return;
  spot.scope.done.push(step.n);
}

/** @returns whether it was not refused. */
async function recordBeside<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: EventStep): Promise<boolean> {
  // What an aggregate records is nobody's until somebody looks, and siblings may look at any time.
  const rowFirst = step.rowFirst && (spot.scope.siblingCount === 0 || step.by === "record" || step.by === "publish");
  const halves = [() => record(performance, spot, step), () => insert(performance, spot, step)];
  if (rowFirst) halves.reverse();
  const [first, second] = halves;

  if (await isRefused(performance, () => first?.())) return false;
  if (rowFirst) await performance.turn();
  if (!performance.ledger.isOutside(step.n)) await second?.();
  // The unit is over and the event out, and a row that was sent before is gone: that is what it means to publish outside.
  if (performance.ledger.isOutside(step.n)) {
    await spot.side.admin.query(insertSql(performance.ledger.rowOf(step.n)));
    return false;
  }
  return true;
}

/** Among siblings a work may well live with a refusal, as long as nothing is done by halves. */
async function isRefused<Tx>(performance: Performing<Tx>, half: () => unknown): Promise<boolean> {
  try {
    await half();
    return false;
  } catch (error) {
    if (performance.isUncertain && isRefusal(error)) return true;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof DomainEventsError;
}

function record<Tx>({ world, ledger, root, source }: Performing<Tx>, spot: Spot<Tx>, { n, by }: EventStep): unknown {
  const { context } = spot;
  // Of the unit here: what they record in a savepoint that has ended already is not refused, since they know of none.
  const isHere = spot.place.name === "here" && !spot.mayBeLeft;
  switch (by) {
    case "root":
      return (isHere ? root : context.track(new Root())).count(ledger.eventFor(n, spot.place));
    case "source":
      return (isHere ? source : context.track(new Source())).count(ledger.eventFor(n, spot.place));
    case "new root":
      return context.track(new Root()).count(ledger.eventFor(n, spot.place));
    case "new source":
      return context.track(new Source()).count(ledger.eventFor(n, spot.place));
    case "publish":
      return world.bus.publish(ledger.eventFor(n, spot.place));
    default:
      return context.record(ledger.eventFor(n, spot.place));
  }
}

function insert<Tx>(
  { world, ledger }: Performing<Tx>,
  { tx, context }: Spot<Tx>,
  { n, via }: EventStep,
): Promise<unknown> {
  const text = insertSql(ledger.rowOf(n));
  return via === "query()" ? context.query(text) : world.sender.driver.query(tx, text);
}

async function recordJoined<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: EventStep): Promise<void> {
  await spot.side.unitOfWork.run(async (context: UnitContext<Tx>) => {
    const inner = joinedSpot(spot, context);
    if (step.rowFirst) await insert(performance, inner, step);
    record(performance, inner, step);
    if (!step.rowFirst) await insert(performance, inner, step);
  });
}

/** In what the driver calls when the row is there. */
async function recordInside<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: EventStep): Promise<void> {
  const { ledger } = performance;
  const { sender } = performance.world;
  const text = `${insertSql(ledger.rowOf(step.n))} returning id`;
  let recorded: Promise<unknown> = Promise.resolve();
  const recordThere = (): void => {
    recorded = (async () => {
      if (step.by !== "joined run") return record(performance, spot, step);
      return spot.side.unitOfWork.run((context) => record(performance, joinedSpot(spot, context), step));
    })();
    recorded.catch(() => {});
  };

  if (step.via === "stream") await sender.driver.stream(spot.tx, text, recordThere);
  else await calledBack((called) => sender.driver.queryCalling(spot.tx, text, called), recordThere);
  await recorded;
}

function calledBack(send: (called: (error: unknown) => void) => void, then: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    send((error) => {
      if (error) return reject(error as Error);
      then();
      resolve();
    });
  });
}

function insertSql(row: number): string {
  return `insert into rows values (${row})`;
}
