/** What ended an attempt that did not commit. */
export class AttemptFailed {
  readonly error: unknown;
  /** The serialization failure or deadlock that undid it, as the server said so, whatever became of that error on its way. */
  readonly conflict: unknown;

  constructor(error: unknown, conflict?: unknown) {
    this.error = error;
    this.conflict = conflict;
  }
}
