import type { Queryable } from "../database/queryable.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration } from "./words.ts";

/** How far a clock is ahead of that of this process, give or take `within`. In milliseconds. */
interface Offset {
  readonly aheadMs: number;
  readonly within: number;
}

/** @param db - The answer counts as given in the middle between question and arrival. */
async function offsetOf(db: Queryable): Promise<Offset> {
  const before = Date.now();
  const { rows } = await db.query("select extract(epoch from clock_timestamp()) * 1000 as ms");
  const after = Date.now();
  return { aheadMs: Number(rows[0]?.["ms"]) - (before + after) / 2, within: (after - before) / 2 + 1 };
}

/** Whether the clock of the server agrees with that of this process. */
export async function checkClock({ name, db, thresholds }: Target): Promise<readonly Finding[]> {
  const offset = await offsetOf(db);
  return isApart(offset, thresholds.clockSkewMs) ? [skewed(titleOf(name), "this process", offset.aheadMs)] : [];
}

/** Whether the clocks of two servers agree. */
export async function compareClocks(jobs: Target, outbox: Target): Promise<readonly Finding[]> {
  const [one, other] = [await offsetOf(jobs.db), await offsetOf(outbox.db)];
  const between = { aheadMs: one.aheadMs - other.aheadMs, within: one.within + other.within };
  return isApart(between, jobs.thresholds.clockSkewMs)
    ? [skewed(titleOf("jobs"), `the ${titleOf("outbox")}`, between.aheadMs)]
    : [];
}

function isApart({ aheadMs, within }: Offset, most: number): boolean {
  return Math.abs(aheadMs) - within > most;
}

function skewed(place: string, other: string, aheadMs: number): Finding {
  return finding({
    code: "CLOCK_SKEW",
    severity: "warning",
    what: `The clock of the ${place} is ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead of" : "behind"} that of ${other}.`,
    why: "Only the clock of the jobs database decides when a job runs: a runAt that another clock was asked for comes early or late, and times in logs do not fit together.",
    mend: "Let both machines set their clocks by NTP (chrony, systemd-timesyncd), and see which one is wrong.",
  });
}
