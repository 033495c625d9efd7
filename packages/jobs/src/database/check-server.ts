import { JobsError } from "../errors.ts";
import type { Queryable } from "./queryable.ts";

/** See docs/errors.md, `DATABASE_UNSUPPORTED`. */
export const oldestPostgres = 13;

/**
 * Refuses a server that is older than what these packages are tried with, before anything is made in it.
 *
 * Refuses a database in another encoding than UTF8, too. Other encodings lack characters that payloads, keys and error messages may
 * have: the outbox row of such a job would hold up all rows behind it. EUC_JP even stores some characters as others.
 *
 * @throws {@link JobsError} `DATABASE_UNSUPPORTED`
 */
export async function refuseUnsupported(db: Queryable): Promise<void> {
  const { rows } = await db.query(
    "select current_setting('server_encoding') as encoding, current_setting('server_version_num') as version",
  );
  const major = Math.floor(Number(rows[0]?.["version"]) / 10_000);
  // A NaN is no older version: an engine of another kind is the doctor's affair.
  if (major < oldestPostgres) throw tooOld(major);

  const encoding = String(rows[0]?.["encoding"]);
  if (encoding === "UTF8") return;
  throw new JobsError(
    "DATABASE_UNSUPPORTED",
    `The encoding of this database is ${encoding}, which cannot hold every text. Jobs and outbox need a database in UTF8: create database … template template0 encoding 'UTF8'.`,
  );
}

function tooOld(major: number): JobsError {
  return new JobsError(
    "DATABASE_UNSUPPORTED",
    `This is PostgreSQL ${major}. Jobs and outbox need PostgreSQL ${oldestPostgres} or later: upgrade the server before you migrate.`,
  );
}
