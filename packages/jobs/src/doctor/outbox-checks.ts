import { outboxChannel } from "../outbox/announcer.ts";
import { outboxBacklog } from "../outbox/outbox-table.ts";
import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, plural } from "./words.ts";

/** What others send is shown to members of pg_read_all_stats only; the rest see the sessions of their own role. */
const relaysSql = `
  select count(*) filter (where query ilike $1)::int as count,
    bool_or(query like '<insufficient privilege>%') as "isHidden"
  from pg_stat_activity where datname = current_database()`;

/** Whether rows of the outbox become jobs. */
export async function checkOutbox({ db, thresholds }: Target): Promise<readonly Finding[]> {
  const { pendingCount, oldestAgeMs } = await outboxBacklog(db);
  if (pendingCount === 0 || oldestAgeMs <= thresholds.outboxOldestMs) return [];
  const { rows } = await db.query(relaysSql, [`listen ${outboxChannel}%`]);
  const listening = Number(rows[0]?.["count"]);
  return [
    finding({
      code: "OUTBOX_NOT_DRAINING",
      severity: "error",
      what: `${pendingCount >= 10_000 ? "At least " : ""}${plural(pendingCount, "row")} ${pendingCount === 1 ? "waits" : "wait"} in the outbox, the oldest for ${duration(oldestAgeMs)}; ${listeners(listening, rows[0]?.["isHidden"] === true)}.`,
      why: "What waits there is no job yet. Nothing is lost: rows become jobs as soon as a relay moves them.",
      mend:
        listening > 0
          ? "See why the relay cannot move them: its log says so once, and the jobs database may be down or refuse it."
          : "Start a worker or a relay with both connections.",
      command: listening > 0 ? "acme-jobs outbox" : "acme-jobs worker",
    }),
  ];
}

function listeners(count: number, isHidden: boolean): string {
  if (count > 0) return `${plural(count, "relay")} ${count === 1 ? "listens" : "listen"}`;
  return isHidden ? "this role cannot see whether a relay listens" : "no relay listens";
}
