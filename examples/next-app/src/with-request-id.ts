import { randomUUID } from "node:crypto";
import { withCorrelation } from "@acme/domain-events";

/** Wraps a route handler. The middleware of Next runs apart from it, so an id that is set there does not get here. */
export function withRequestId(handle: (request: Request) => Promise<Response>) {
  return async (request: Request): Promise<Response> => {
    const given = request.headers.get("x-request-id");
    // Anybody can send the header. What would break a log line, or fill it, is not taken.
    const requestId = given !== null && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    const response = await withCorrelation({ requestId }, () => handle(request));
    response.headers.set("x-request-id", requestId);
    return response;
  };
}
