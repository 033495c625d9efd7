/** A request that is answered with an error. Its message is for the client; nothing of it is logged but the status. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: ProblemCode;
  readonly fields: FieldErrors | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: ProblemCode, message: string, { fields, retryAfterSeconds }: ProblemFacts = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export type ProblemCode =
  | "BODY_INVALID"
  | "BODY_TOO_LARGE"
  | "CONTENT_TYPE_UNSUPPORTED"
  | "FIELDS_INVALID"
  | "TARGET_INVALID"
  | "HOST_UNKNOWN"
  | "PAGE_FOREIGN"
  | "READER_FOREIGN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "TOO_MANY_REQUESTS"
  | "OUTCOME_UNKNOWN"
  | "UNAVAILABLE"
  | "INTERNAL";

export type FieldErrors = Readonly<Record<string, readonly string[]>>;

interface ProblemFacts {
  readonly fields?: FieldErrors;
  readonly retryAfterSeconds?: number;
}
