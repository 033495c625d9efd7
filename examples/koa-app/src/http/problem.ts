/** A request that is answered with an error. Its message is for the client; nothing of it is logged but the status. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: ProblemCode;
  readonly fields: FieldErrors | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, message: string, facts: ProblemFacts = {}) {
    const { status = statuses[code], fields, retryAfterSeconds } = facts;
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export type ProblemCode = keyof typeof statuses;

/** The HTTP status of each code. */
const statuses = {
  BODY_INVALID: 400,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  FIELDS_INVALID: 400,
  TARGET_INVALID: 400,
  HOST_UNKNOWN: 421,
  PAGE_FOREIGN: 403,
  READER_FOREIGN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_MANY_REQUESTS: 429,
  OUTCOME_UNKNOWN: 503,
  UNAVAILABLE: 503,
  INTERNAL: 500,
} as const;

export type FieldErrors = Readonly<Record<string, readonly string[]>>;

interface ProblemFacts {
  /** Default: that of the code. */
  readonly status?: number;
  readonly fields?: FieldErrors;
  readonly retryAfterSeconds?: number;
}
