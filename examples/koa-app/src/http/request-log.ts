import { currentCorrelation } from "@acme/domain-events";
import type { Middleware } from "koa";
import type { Logger } from "../logging/logger.ts";
import { matchedRoute } from "./matched-route.ts";

/**
 * Logs each request, at `info` or, when it is one of many, at `debug`, as id, method, route, status and
 * milliseconds.
 *
 * The route is the pattern, never the address: a query may hold a token, and a path whatever somebody typed.
 */
export function requestLog({ logger }: { readonly logger: Logger }): Middleware {
  return async function logRequest(ctx, next) {
    const startedAt = performance.now();
    try {
      await next();
    } finally {
      const durationMs = Math.round(performance.now() - startedAt);
      const { requestId } = currentCorrelation();
      const request = { requestId, method: ctx.method, route: matchedRoute(ctx), status: ctx.status, durationMs };
      logger[levelOf(request)](request, "request");
    }
  };
}

// What asks all the time and is answered would hide the rest: the page that looks for mails, and whoever watches the health.
function levelOf({ route, status }: { readonly route: string; readonly status: number }): "debug" | "info" {
  return status < 400 && /^\/(?:mails|assets|health)\b/.test(route) ? "debug" : "info";
}
