import { JobsError } from "../errors.ts";

/** The job of a tick could not be made: its payload does not fit, or the code that makes it has thrown. */
export class TickFailure extends Error {
  /** For operators. Without a value of the payload. */
  readonly failure: string;

  constructor(cause: unknown) {
    super("The job of a tick could not be made.", { cause });
    this.failure =
      cause instanceof JobsError
        ? cause.message
        : "The code that makes its payload has thrown an error. The logs of the workers have it.";
  }
}
