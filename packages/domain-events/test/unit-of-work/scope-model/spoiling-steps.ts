import type { Performing, Spot } from "./spot.ts";
import type { EndStep, SqlErrorStep } from "./program.ts";

/** The body of a routine has semicolons of its own, so nobody looks for a statement behind it. */
const hidden = "create or replace function pg_temp.one() returns int begin atomic select 1; end; rollback and chain";

export function failInSql<Tx>({ world }: Performing<Tx>, spot: Spot<Tx>, { swallowed }: SqlErrorStep): Promise<void> {
  return swallowing(swallowed, () => world.sender.driver.query(spot.tx, "select 1/0"));
}

export function endTransaction<Tx>({ world }: Performing<Tx>, spot: Spot<Tx>, step: EndStep): Promise<void> {
  const { sender } = world;
  return swallowing(step.swallowed, () => {
    if (step.how === "hidden") return sender.driver.query(spot.tx, hidden);
    return step.how === "text"
      ? sender.driver.query(spot.tx, "select 1; rollback")
      : sender.sendObject(spot.tx, "rollback");
  });
}

async function swallowing(isSwallowed: boolean, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isSwallowed) throw error;
  }
}
