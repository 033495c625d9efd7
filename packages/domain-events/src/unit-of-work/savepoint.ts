import { runInside } from "../current-unit.ts";
import type { Scope } from "./scope.ts";
import type { Unit } from "./unit.ts";
import { savepointDoomed, savepointEnded, unitEnded } from "../unit-errors.ts";

/**
 * Runs a part of the work in a scope of its own, whose rows and events go together when it rejects.
 *
 * @throws what the work throws; {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`, `SAVEPOINT_DOOMED`, `RUN_OPEN`.
 */
export async function runSavepoint<Result>(
  unit: Unit,
  parent: Scope,
  work: (scope: Scope) => PromiseLike<Result> | Result,
): Promise<Result> {
  parent.refuseUnlessOpen("A savepoint was opened");
  const scope = parent.open();
  const name = unit.statements.nextSavepoint();
  let isSet = false;
  try {
    await unit.send(`savepoint ${name}`);
    isSet = true;
    const result = await runInside(scope, async () => work(scope));
    if (unit.state !== "running") throw unitEnded("A savepoint returned", unit.state);
    if (!scope.isOpen) throw savepointEnded("A savepoint returned");
    scope.refuseWhileUnfinished("A savepoint ended");
    if (scope.doom) throw savepointDoomed(scope.doom.cause);
    scope.events.flush();
    scope.end();
    await unit.send(`release savepoint ${name}`);
    scope.keep();
    return result;
  } catch (error) {
    scope.end();
    // In a transaction that was aborted before there is none.
    if (isSet) await rollBackTo(unit, parent, name);
    scope.drop();
    throw error;
  }
}

async function rollBackTo(unit: Unit, parent: Scope, name: string): Promise<void> {
  // With the savepoint around it this one is gone already.
  if (unit.state !== "running" || !parent.isOpen) return;
  try {
    await unit.send(`rollback to savepoint ${name}`);
  } catch (error) {
    // Whether it is undone is not known, so nothing of the unit may be stored.
    parent.condemn(error);
  }
}
