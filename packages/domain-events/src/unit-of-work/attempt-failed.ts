/** The error that ended an attempt which did not commit. */
export class AttemptFailed {
  readonly error: unknown;
  /**
   * The serialization failure or deadlock that the server reported, even if the work wrapped or swallowed that error.
   */
  readonly conflict: unknown;

  constructor(error: unknown, conflict?: unknown) {
    this.error = error;
    this.conflict = conflict;
  }
}
