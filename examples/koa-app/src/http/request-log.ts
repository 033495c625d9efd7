import type { Middleware } from "koa";
import type { Logger } from "../logging/logger.ts";
import { matchedRoute } from "./matched-route.ts";

/**
 * Logs each request as method, route, status and milliseconds.
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
      logger.info({ method: ctx.method, route: matchedRoute(ctx), status: ctx.status, durationMs }, "request");
    }
  };
}
