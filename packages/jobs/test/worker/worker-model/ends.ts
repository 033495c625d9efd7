import { NonRetryableError, RetryAfterError, snooze } from "../../../src/index.ts";
import { retryAfterMs } from "./settings.ts";

/** How the code of a job may end. */
export const ends = {
  success: () => undefined,
  error: () => thrown(new Error("on purpose")),
  "a NUL": () => thrown(new Error("Unexpected token '\0'")),
  "half an emoji": () => thrown(new Error("👍".slice(0, 1))),
  null: () => thrown(null),
  "an unreadable message": () => thrown(Object.defineProperty(new Error("x"), "message", { get: unreadable })),
  "retry after": () => thrown(new RetryAfterError(retryAfterMs)),
  snooze: () => thrown(snooze(retryAfterMs)),
  "not retryable": () => thrown(new NonRetryableError("on purpose")),
} as const;

export type End = keyof typeof ends;

export const allEnds = Object.keys(ends) as End[];

function thrown(value: unknown): never {
  throw value;
}

function unreadable(): never {
  throw new TypeError("unreadable");
}
