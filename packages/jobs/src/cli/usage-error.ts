/** The command line asks for something that cannot be: the process exits with 2, and nothing has been changed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
