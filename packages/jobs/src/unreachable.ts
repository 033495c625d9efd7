import { isNetworkError } from "./network-error.ts";

/** Whether a database could not be reached, as opposed to having refused what it was asked. */
export function isUnreachable(error: unknown): boolean {
  if (isNetworkError(error)) return true;
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  // pg's own errors for a connection that broke or took too long carry no code.
  return (
    error instanceof Error &&
    /connection terminated|timeout exceeded|not queryable|connection error/i.test(error.message)
  );
}
