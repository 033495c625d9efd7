import { Root } from "./ledger.ts";
import { outcomeOf, type Performing, type Spot } from "./spot.ts";
import type { LateStep } from "./program.ts";

/** What a context still does, and what is done in its asynchronous context, when its unit has ended. */
export function performLate<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, { n, call }: LateStep): void {
  const { ledger } = performance;
  const { bus, sender } = performance.world;
  const { context, side, tx } = spot;
  if (spot.place.name !== "here") return;
  const place = { name: "outside", isWorking: false } as const;
  const text = `insert into rows values (${ledger.rowOf(n)})`;
  const calls: Record<LateStep["call"], () => unknown> = {
    record: () => context.record(ledger.eventFor(n, place)),
    track: () => context.track(new Root()),
    "query()": () => context.query(text),
    tx: () => sender.driver.query(tx, text),
    savepoint: () => context.savepoint(() => {}),
    publish: () => bus.publish(ledger.eventFor(n, place)),
    run: () =>
      side.unitOfWork.run(async (late) => {
        late.record(ledger.eventFor(n, place));
        await sender.driver.query(late.tx, text);
      }),
  };
  performance.afterwards(async (isCommitted) => {
    const outcome = await Promise.resolve()
      .then(calls[call])
      .then(() => "done", outcomeOf);
    if (call === "publish" && isCommitted) await side.admin.query(text);
    if (!isRight(call, outcome, isCommitted)) ledger.mistakes.push(`late ${call} ${n}: ${outcome}`);
  });
}

function isRight(call: LateStep["call"], outcome: string, isCommitted: boolean): boolean {
  // Outside of a unit that has committed; of one that was undone it may be about data that is gone.
  if ((call === "publish" || call === "run") && isCommitted) return outcome === "done";
  // A transaction of knex that has ended refuses by itself.
  return outcome === "UNIT_ENDED" || (call === "tx" && /already complete/.test(outcome));
}
