import { JobsError } from "@acme/jobs";
import { StartupError } from "./startup-error.ts";

/**
 * Runs work on a database, and explains it when there is no way in.
 *
 * @throws {@link StartupError} `DATABASE_REFUSED`, naming the setting and never its value; any other error as it is.
 */
export async function explainingRefusals<Result>(setting: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = refusalCode(error);
    if (code === undefined) throw error;
    throw new StartupError(
      "DATABASE_REFUSED",
      `The database in ${setting} cannot be used (${code}). Check that its server runs, and the user, password and database name.`,
      { cause: error },
    );
  }
}

// Class 08: connection; 28: credentials; 3D: no such database; 53300: too many connections; 57P03: starting or stopping.
const refusals = /^(?:E[A-Z]+|08\w{3}|28\w{3}|3D\w{3}|53300|57P03)$/;

function refusalCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // It does not know which setting the connection came from.
  if (error instanceof JobsError && error.code === "JOBS_DATABASE_REFUSED") return refusalCode(error.cause);
  // pg and knex's pool give a connect that timed out no code.
  if (/timeout/i.test(error.message)) return "no answer";
  return "code" in error && typeof error.code === "string" && refusals.test(error.code) ? error.code : undefined;
}
