import { JobsError } from "../errors.ts";
import type { Queryable } from "./queryable.ts";

/**
 * Refuses a database in another encoding than UTF8. Other encodings lack characters that payloads, keys and error messages may
 * have: the outbox row of such a job would hold up all rows behind it. EUC_JP even stores some characters as others.
 *
 * @throws {@link JobsError} `DATABASE_UNSUPPORTED`
 */
export async function refuseOtherEncodings(db: Queryable): Promise<void> {
  const { rows } = await db.query("select current_setting('server_encoding') as encoding");
  const encoding = String(rows[0]?.["encoding"]);
  if (encoding === "UTF8") return;
  throw new JobsError(
    "DATABASE_UNSUPPORTED",
    `The encoding of this database is ${encoding}, which cannot hold every text. Jobs and outbox need a database in UTF8: create database … template template0 encoding 'UTF8'.`,
  );
}
