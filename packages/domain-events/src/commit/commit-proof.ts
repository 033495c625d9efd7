import { codeOf } from "../transaction/database-error.ts";

/**
 * The mark: a setting that is sent with BEGIN and lasts until the transaction ends. If it is missing before our COMMIT,
 * something else has ended the transaction, even if the driver does not show that.
 */
export const markSql = "set local domain_events.unit_of_work = '0/1'";

/**
 * Fails if the mark is gone, since an empty text is no log position. A COMMIT that has been sent already then commits
 * nothing that was written after the transaction had ended. The type `pg_lsn` is hardly ever read from text elsewhere,
 * so the error can be recognized. In a session that has never had a mark the value is `null`.
 */
const checkedMark = "pg_catalog.current_setting('domain_events.unit_of_work', true)::pg_catalog.pg_lsn";

/** Whether a statement failed because the mark was gone. */
export function isMarkGone(error: unknown): boolean {
  // The message names the type in every language.
  return codeOf(error) === "22P02" && error instanceof Error && error.message.includes("pg_lsn");
}

/**
 * When the server was started. It differs for another server, and after a restart; a crash of one backend does not
 * change it. It is a number, since the text of dates and bytes depends on settings of the session. (On PostgreSQL 13 it
 * is a float, which `extra_float_digits` may cut: then it matches no server.) Make it a text with `concat`, since
 * drivers may parse numbers in different ways.
 */
export const startedAtSql = "extract(epoch from pg_catalog.pg_postmaster_start_time())";

/**
 * The cluster, and the database in it. A copy that was restored in the same cluster and renamed is another database,
 * but shares the transaction ids.
 */
export const databaseIdSql = `pg_catalog.concat((select system_identifier from pg_catalog.pg_control_system()), '/',
  (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database()))`;

/** The timeline grows with each promotion. A server on a lower timeline is an old primary. */
export const timelineSql = "pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 8)";

/**
 * Which database this is, its timeline, the position up to which its log is on disk, and whether it has synchronous
 * standbys. `null` on a standby, where a transaction writes nothing. The position is behind every checkpoint so far,
 * and before the checkpoint that ends any later recovery.
 */
const serverSql = `case when not pg_catalog.pg_is_in_recovery() then pg_catalog.concat_ws(' ',
  ${databaseIdSql}, ${timelineSql}, pg_catalog.pg_current_wal_flush_lsn(),
  pg_catalog.current_setting('synchronous_standby_names') <> '') end`;

/**
 * What a COMMIT waits for. It also lets the session show warnings, since one of them tells that this wait was
 * cancelled.
 */
const waitingSql = `pg_catalog.current_setting('synchronous_commit'), ',',
  case when pg_catalog.current_setting('client_min_messages') in ('error', 'fatal', 'panic')
  then pg_catalog.set_config('client_min_messages', 'warning', true) end`;

/** A server, as one of its transactions saw it. */
export interface SeenServer {
  readonly databaseId: string;
  readonly startedAt: string;
  readonly timeline: string;
  /** The position up to which its log was on disk: see `pg_current_wal_flush_lsn()`. */
  readonly flushedTo: string;
  /** Whether a COMMIT there may wait for standbys. */
  readonly hasStandbys: boolean;
}

/** What is known about a transaction before its COMMIT. */
export interface CommitProof {
  /** `null` if the transaction has written nothing. */
  readonly transactionId: string | null;
  /** When its server was started. */
  readonly startedAt: string;
  /** What its COMMIT waits for: the value of `synchronous_commit`. */
  readonly waitsFor: string;
  /** `undefined` if the server was not asked; `null` if it cannot say. */
  readonly server: SeenServer | null | undefined;
}

export interface ProofNeeds {
  /** Whether to ask which server this is. */
  readonly withServer: boolean;
  /** Whether there may be synchronous standbys. */
  readonly withStandbys: boolean;
  readonly assignId: boolean;
}

/**
 * The proof is one text, so that a durable store can select it in the statement with which it writes. Functions are
 * named with their schema, because the work may have changed the search path. Parts that are known already are left
 * out, since planning them takes longer than answering them.
 */
export function proofSql({ withServer, withStandbys, assignId }: ProofNeeds): string {
  const id = assignId ? "pg_catalog.pg_current_xact_id()" : "pg_catalog.pg_current_xact_id_if_assigned()";
  const parts = [id, checkedMark, startedAtSql];
  if (withServer || withStandbys) parts.push(waitingSql);
  if (withServer) parts.push(serverSql);
  return `pg_catalog.concat(${parts.join(", '|', ")})`;
}

/** @returns `undefined` if the mark is missing. */
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
