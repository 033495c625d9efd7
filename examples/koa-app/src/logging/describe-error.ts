import { withoutSecrets } from "./without-secrets.ts";

/** What of an error may stand in a log line: its kind, its code and its frames; the message only without personal data. */
export interface ErrorDescription {
  readonly type: string;
  readonly code?: string | number;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/**
 * Turns anything thrown into what a log line may hold.
 *
 * Only named fields are taken: the `detail` and `where` of a PostgreSQL error, the `response` of an SMTP server and the body
 * on a parse error quote what a user typed.
 */
export function describeError(thrown: unknown, depth = 0): ErrorDescription {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: "Something that is not an Error was thrown." };

  const message = withoutSecrets(thrown.message);
  const code = "code" in thrown ? thrown.code : undefined;
  const frames = thrown.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  return {
    type: thrown.name,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    message,
    stack: [`${thrown.name}: ${message}`, ...frames].join("\n"),
    ...(thrown.cause !== undefined && depth < 3 ? { cause: describeError(thrown.cause, depth + 1) } : {}),
  };
}
