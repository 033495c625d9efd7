import { isTrue } from "@acme/shared/is-true";
import { oldestPostgres } from "../database/check-server.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { named } from "./words.ts";

const serverSql = `
  select version() as version, current_setting('server_version_num') as number, current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') as "readOnly"`;

/** Engine, version, encoding, and whether the server can be written to. */
export async function checkServer({ name, db }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(serverSql);
  const [row = {}] = rows;
  const place = titleOf(name);
  const version = String(row["version"]);
  const major = Math.floor(Number(row["number"]) / 10_000);
  const found: Finding[] = [];
  if (!isPostgres(version)) found.push(otherEngine(place, version));
  else if (major < oldestPostgres) found.push(tooOld(place, major));
  if (row["encoding"] !== "UTF8") found.push(otherEncoding(place, String(row["encoding"])));
  if (isTrue(row["isStandby"])) found.push(standby(place));
  else if (row["readOnly"] === "on") found.push(readOnly(place));
  return found;
}

/** Engines that speak the protocol name themselves after, or instead of, PostgreSQL. */
function isPostgres(version: string): boolean {
  return version.startsWith("PostgreSQL ") && !/-YB-|cockroach|redshift|greenplum|cratedb|materialize/i.test(version);
}

function otherEngine(place: string, version: string): Finding {
  return finding({
    code: "ENGINE_UNSUPPORTED",
    severity: "error",
    what: `The ${place} is not PostgreSQL; it says that it is ${named(version.split(/[,(]/)[0]?.trim())}.`,
    why: "Engines that only speak the protocol have other transaction ids, and advisory locks that exclude nobody: jobs would run twice or be lost.",
    mend: "Move the tables to PostgreSQL. docs/failover.md says what is known of other engines.",
  });
}

function tooOld(place: string, major: number): Finding {
  return finding({
    code: "SERVER_VERSION_UNSUPPORTED",
    severity: "error",
    what: `The ${place} runs PostgreSQL ${major}; the oldest that is supported is ${oldestPostgres}.`,
    why: "Promises about lost commits rest on functions that older versions lack.",
    mend: "Update the server.",
  });
}

function otherEncoding(place: string, encoding: string): Finding {
  return finding({
    code: "ENCODING_UNSUPPORTED",
    severity: "error",
    what: `The encoding of the ${place} is ${named(encoding)}, not UTF8.`,
    why: "It cannot hold every payload, key and error message, and one such row holds up all rows behind it.",
    mend: "Create a database with \"template template0 encoding 'UTF8'\", and move the data by dump and restore.",
  });
}

function standby(place: string): Finding {
  return finding({
    code: "SERVER_IS_STANDBY",
    severity: "error",
    what: `The ${place} is a standby.`,
    why: "It accepts no writes: no job can be added, fetched or completed over this connection.",
    mend: "Connect to the primary. During a failover, wait for the promotion; workers go on by themselves.",
    command: "acme-jobs status",
  });
}

function readOnly(place: string): Finding {
  return finding({
    code: "SERVER_READ_ONLY",
    severity: "error",
    what: `Transactions in the ${place} are read-only by default for this role.`,
    why: "No job can be added, fetched or completed. Some providers set this when the disk is full.",
    mend: "Make room on the disk, or reset default_transaction_read_only of server, database and role.",
  });
}
