import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { bytes, named, plural } from "./words.ts";

/** Both views can be read by every role. How full the disk is cannot be asked in SQL. */
const slotsSql = `
  select slot_name as name, active as "isActive", wal_status as status,
    case when pg_is_in_recovery() then 0 else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) end as held
  from pg_replication_slots`;
const archiverSql = `
  select failed_count as count from pg_stat_archiver
  where last_failed_time > coalesce(last_archived_time, '-infinity')`;

/** What fills the disk of the server, as far as any role can see it. */
export async function checkDisk({ name, db, thresholds }: Target): Promise<readonly Finding[]> {
  const place = titleOf(name);
  const { rows: slots } = await db.query(slotsSql);
  const { rows: archiver } = await db.query(archiverSql);
  const found = slots
    .filter((row) => Number(row["held"]) > thresholds.slotBytes || row["status"] === "lost")
    .map((row) =>
      finding({
        code: "SLOT_HOLDS_LOG",
        severity: "warning",
        what: `In the ${place}, the replication slot ${named(row["name"])}${row["isActive"] === true ? "" : ", which nobody reads,"} holds back ${bytes(Number(row["held"]))} of the log.`,
        why: "The log grows until the disk is full, and then the server stops.",
        mend: "Start its reader again, or drop the slot: select pg_drop_replication_slot(…). Set max_slot_wal_keep_size.",
      }),
    );
  return archiver.length === 0 ? found : [...found, archivingFails(place, Number(archiver[0]?.["count"]))];
}

function archivingFails(place: string, failures: number): Finding {
  return finding({
    code: "ARCHIVING_FAILS",
    severity: "warning",
    what: `The server of the ${place} cannot archive its log; it has failed ${plural(failures, "time")}.`,
    why: "The log is kept until it is archived: the disk fills, and backups have a gap.",
    mend: "See the log of the server for what archive_command says.",
  });
}
