import { isUnreachable } from "../database/database-errors.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { named } from "./words.ts";

/** A full server, role or database. */
const tooManyCodes = new Set(["53300"]);
/** The server starts, stops or recovers. */
const notReadyCodes = new Set(["57P01", "57P02", "57P03"]);

/** Whether the database lets this process in. Never rejects. */
export async function checkReach(target: Target): Promise<readonly Finding[]> {
  try {
    await target.db.query("select");
    return [];
  } catch (error) {
    return [explain(target, error)];
  }
}

function explain({ name }: Target, error: unknown): Finding {
  const code = codeOf(error);
  const place = titleOf(name);
  if (tooManyCodes.has(code)) return noConnectionLeft(place, code);
  if (!notReadyCodes.has(code) && isRefusal(error, code)) return refused(place, code);
  return finding({
    code: "DATABASE_UNREACHABLE",
    severity: "error",
    what: `The ${place} cannot be reached (${code}).`,
    why:
      name === "jobs"
        ? "No job runs, and none can be added without an outbox."
        : "The application cannot work with its data, and no job is enqueued beside it.",
    mend: "Check that the server runs, that host and port of the URL are right, and that no firewall is in between.",
    command: "acme-jobs status",
  });
}

function refused(place: string, code: string): Finding {
  return finding({
    code: "DATABASE_REFUSED",
    severity: "error",
    what: `The ${place} answers and refuses the connection: ${reasons.get(code) ?? "the login failed"} (${code}).`,
    why: "Nothing changes by itself: workers that start now reject with JOBS_DATABASE_REFUSED.",
    mend: "Check user, password and name of the database in the URL, pg_hba.conf, and GRANT CONNECT ON DATABASE. docs/guides/roles.md has the rights of each role.",
    command: "acme-jobs status",
  });
}

function noConnectionLeft(place: string, code: string): Finding {
  return finding({
    code: "CONNECTIONS_EXHAUSTED",
    severity: "error",
    what: `The ${place} has no connection left for this role (${code}).`,
    why: "Workers and applications that start now, or lose a connection, do not get one either.",
    mend: "End sessions that nobody needs (pg_stat_activity), make the pools smaller, or raise the limit of the server, the database or the role.",
  });
}

const reasons: ReadonlyMap<string, string> = new Map([
  ["28P01", "wrong user or password"],
  ["28000", "this user may not log in from here"],
  ["3D000", "there is no database of that name"],
  ["42501", "this role lacks the right to connect"],
]);

/** What the server says has a code of five characters. Without one, the client itself could not log in. */
function isRefusal(error: unknown, code: string): boolean {
  return reasons.has(code) || (!isUnreachable(error) && !isTimeout(error));
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && /timeout/i.test(error.message);
}

/** The code of the first error that has one. Messages are not shown: they may name hosts and users. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === "string") return named(code).slice(1, -1);
  return isTimeout(error) ? "no answer in time" : "no code";
}
