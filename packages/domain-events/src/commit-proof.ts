import { codeOf } from "./database-error.ts";

/** Goes with BEGIN, and is gone after every other end of the transaction than ours, whoever has sent it and whatever the driver shows of it. */
export const markSql = "set local domain_events.unit_of_work = 1";

const gone = "the transaction of the unit of work has ended";

/** Fails where the mark is gone: a COMMIT that is on its way already then commits nothing of what came after. */
const checkedMark = `coalesce(nullif(current_setting('domain_events.unit_of_work', true), ''), '${gone}')::int`;

/** Whether a statement failed because the mark was gone. */
export function isMarkGone(error: unknown): boolean {
  // The server quotes what it cannot read, in whatever language.
  return codeOf(error) === "22P02" && error instanceof Error && error.message.includes(gone);
}

/**
 * Which cluster this is, since when its server runs, and up to where its log is on disk. Nothing for a standby, where a transaction
 * writes nothing. The log position is behind each checkpoint there has been, and before the one that ends any recovery to come.
 */
const serverSql = `case when not pg_is_in_recovery() then concat_ws(' ',
  (select system_identifier from pg_control_system()), extract(epoch from pg_postmaster_start_time()), pg_current_wal_flush_lsn()) end`;

/** A server, as one of its transactions saw it. */
export interface SeenServer {
  readonly systemId: string;
  readonly startedAt: string;
  /** Where its log was on disk up to; see `pg_current_wal_flush_lsn()`. */
  readonly flushedTo: string;
}

/** What a transaction says of itself before its COMMIT. */
export interface CommitProof {
  /** `null` for one that has written nothing. */
  readonly transactionId: string | null;
  /** `undefined` where it was not asked for; `null` where there is nothing to know. */
  readonly server: SeenServer | null | undefined;
}

/** One text, so that a durable store can bring it along with what it writes. */
export function proofSql({ withServer, assignId }: { withServer: boolean; assignId: boolean }): string {
  const id = assignId ? "pg_current_xact_id()" : "pg_current_xact_id_if_assigned()";
  return `concat(${id}, '|', ${checkedMark}${withServer ? `, '|', ${serverSql}` : ""})`;
}

export function readProof(text: unknown): CommitProof {
  const [id, , server] = String(text).split("|");
  return { transactionId: id || null, server: server === undefined ? undefined : readServer(server) };
}

function readServer(text: string): SeenServer | null {
  const [systemId, startedAt, flushedTo] = text.split(" ");
  return systemId && startedAt && flushedTo ? { systemId, startedAt, flushedTo } : null;
}
