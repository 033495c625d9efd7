import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { withCorrelation } from "@acme/domain-events";

/** What {@link requestId} returns: a middleware of Express, or of anything else on top of Node's own server. */
export type RequestIdMiddleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** Anybody can send the header. What would break a log line, or fill it, is not taken. */
const fitting = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Gives each request an id: that of its `X-Request-Id` header, as a proxy sets it, or a new one. The answer has it, too. So have
 * the jobs that follow from the request, and the log lines of their attempts.
 *
 * @throws Nothing.
 *
 * @example
 * import type { INestApplication } from "@nestjs/common";
 * const setUp = (app: INestApplication) => app.use(requestId());
 */
export function requestId(): RequestIdMiddleware {
  return function correlate(request, response, next) {
    const given = request.headers["x-request-id"];
    const id = typeof given === "string" && fitting.test(given) ? given : randomUUID();
    response.setHeader("X-Request-Id", id);
    withCorrelation({ requestId: id }, next);
  };
}
