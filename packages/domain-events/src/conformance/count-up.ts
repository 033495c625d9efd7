import type { TestedAdapter } from "./tested-adapter.ts";
import type { World } from "./world.ts";

/** Counts up, and fails with 40001 if it is disturbed: if somebody else counts up after the work has taken its snapshot. */
export type CountUp<Tx> = (world: World<Tx>, tx: Tx, how: { readonly disturbed: boolean }) => Promise<void>;

export function countUpBy<Tx>(tested: TestedAdapter<Tx>): CountUp<Tx> {
  return async (world, tx, { disturbed }) => {
    await tested.query(tx, "select * from counters");
    if (disturbed) await world.admin.query("update counters set value = value + 1 where id = 'a'");
    await tested.query(tx, "update counters set value = value + 10 where id = 'a'");
  };
}
