import { codeOf } from "../transaction/database-error.ts";

/** Goes with BEGIN, and is gone after every other end of the transaction than ours, whoever has sent it and whatever the driver shows of it. */
export const markSql = "set local domain_events.unit_of_work = '0/1'";

/**
 * Fails where the mark is gone, since nothing is no log position: a COMMIT that is on its way already then commits nothing of what came
 * after. A type that hardly anybody else reads from text, so that the error is known for ours. In a session that has never had a mark
 * there is `null`.
 */
const checkedMark = "pg_catalog.current_setting('domain_events.unit_of_work', true)::pg_catalog.pg_lsn";

/** Whether a statement failed because the mark was gone. */
export function isMarkGone(error: unknown): boolean {
  // It names the type that it could not read, in whatever language.
  return codeOf(error) === "22P02" && error instanceof Error && error.message.includes("pg_lsn");
}

/**
 * Another server, or the same one started again, has another. A crash of one backend leaves it as it is. A number, since dates and bytes are
 * written as the session has it. (On PostgreSQL 13 it is a float, which `extra_float_digits` may cut: then it is nobody's.) To be made a text
 * by `concat`, since drivers may read numbers as they like.
 */
export const startedAtSql = "extract(epoch from pg_catalog.pg_postmaster_start_time())";

/** The cluster, and the database in it: what was restored beside it and renamed is another one, in which transaction ids mean the same. */
export const databaseIdSql = `pg_catalog.concat((select system_identifier from pg_catalog.pg_control_system()), '/',
  (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database()))`;

/** Grows with each promotion: what stands at a lower one has been left behind. */
export const timelineSql = "pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 8)";

/**
 * Which database this is, its timeline, up to where its log is on disk, and whether it has synchronous standbys. Nothing for a standby,
 * where a transaction writes nothing. The log position is behind each checkpoint there has been, and before the one that ends any recovery to come.
 */
const serverSql = `case when not pg_catalog.pg_is_in_recovery() then pg_catalog.concat_ws(' ',
  ${databaseIdSql}, ${timelineSql}, pg_catalog.pg_current_wal_flush_lsn(),
  pg_catalog.current_setting('synchronous_standby_names') <> '') end`;

/** For what a COMMIT waits; and a session that hides warnings would hide that this wait was cancelled. */
const waitingSql = `pg_catalog.current_setting('synchronous_commit'), ',',
  case when pg_catalog.current_setting('client_min_messages') in ('error', 'fatal', 'panic')
  then pg_catalog.set_config('client_min_messages', 'warning', true) end`;

/** A server, as one of its transactions saw it. */
export interface SeenServer {
  readonly databaseId: string;
  readonly startedAt: string;
  readonly timeline: string;
  /** Where its log was on disk up to; see `pg_current_wal_flush_lsn()`. */
  readonly flushedTo: string;
  /** Whether a COMMIT there may wait for standbys. */
  readonly hasStandbys: boolean;
}

/** What a transaction says of itself before its COMMIT. */
export interface CommitProof {
  /** `null` for one that has written nothing. */
  readonly transactionId: string | null;
  /** Of the server it is on. */
  readonly startedAt: string;
  /** For what its COMMIT waits, as `synchronous_commit` has it. */
  readonly waitsFor: string;
  /** `undefined` where it was not asked for; `null` where there is nothing to know. */
  readonly server: SeenServer | null | undefined;
}

export interface ProofNeeds {
  /** Whether the server is to say which one it is. */
  readonly withServer: boolean;
  /** Whether standbys are to be reckoned with. */
  readonly withStandbys: boolean;
  readonly assignId: boolean;
}

/**
 * One text, so that a durable store can bring it along with what it writes. Functions are named with their schema: the work may have set
 * another search path. What need not be asked each time is left out: to plan it takes longer than to answer it.
 */
export function proofSql({ withServer, withStandbys, assignId }: ProofNeeds): string {
  const id = assignId ? "pg_catalog.pg_current_xact_id()" : "pg_catalog.pg_current_xact_id_if_assigned()";
  const parts = [id, checkedMark, startedAtSql];
  if (withServer || withStandbys) parts.push(waitingSql);
  if (withServer) parts.push(serverSql);
  return `pg_catalog.concat(${parts.join(", '|', ")})`;
}

/** @returns `undefined` where the mark is missing. */
export function readProof(text: unknown): CommitProof | undefined {
  const [id, mark, startedAt = "", waiting = "", server] = String(text).split("|");
  if (!mark) return undefined;
  const [waitsFor = ""] = waiting.split(",");
  return {
    transactionId: id || null,
    startedAt,
    waitsFor,
    server: server === undefined ? undefined : readServer(server, startedAt),
  };
}

function readServer(text: string, startedAt: string): SeenServer | null {
  const [databaseId, timeline, flushedTo, hasStandbys] = text.split(" ");
  if (!databaseId || !timeline || !flushedTo) return null;
  return { databaseId, startedAt, timeline, flushedTo, hasStandbys: hasStandbys === "t" };
}
