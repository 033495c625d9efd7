import { randomUUID } from "node:crypto";
import { withCorrelation } from "@acme/domain-events";
import type { Middleware } from "koa";

/**
 * Gives each request an id: that of its `X-Request-Id`, as a proxy sets it, or a new one. The answer has it, too. So have the log
 * lines of the request, of the jobs that follow from it, and of their attempts.
 */
export function requestId(): Middleware {
  return async function correlate(ctx, next) {
    const given = ctx.get("X-Request-Id");
    const id = fitting.test(given) ? given : newRequestId();
    ctx.set("X-Request-Id", id);
    await withCorrelation({ requestId: id }, next);
  };
}

/** Anybody can send the header. What would break a log line, or fill it, is not taken. */
const fitting = /^[A-Za-z0-9._-]{1,64}$/;

/** A UUIDv7: a random one, with the time in front. So requests sort by their time. */
function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
