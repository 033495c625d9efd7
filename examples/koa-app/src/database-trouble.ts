import { isInfrastructureError } from "@acme/jobs";

/**
 * Whether an error says that the app database was not there for the moment, had no connection to give or took too long, and not that it
 * refused something: the same request may succeed a little later.
 */
export function isDatabaseTrouble(error: unknown): boolean {
  return isInfrastructureError(error) || (error instanceof Error && "code" in error && error.code === queryCanceled);
}

/** What the server answers to a statement that took longer than it may. */
const queryCanceled = "57014";
