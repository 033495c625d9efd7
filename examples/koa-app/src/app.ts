import type { Router } from "@koa/router";
import Koa from "koa";
import { errorResponses } from "./http/error-responses.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log.ts";
import { refuseMalformedTargets } from "./http/request-target.ts";
import { securityHeaders } from "./http/security-headers.ts";
import type { BurstLog } from "./logging/burst-log.ts";
import type { Logger } from "./logging/logger.ts";

/** Puts the routes behind what every request goes through. */
export function createApp({ routers, trustedProxyCount, logger, refusals, brokenRequests }: AppOptions): Koa {
  const app = new Koa({ proxy: trustedProxyCount > 0, maxIpsCount: trustedProxyCount });
  app.use(requestId());
  app.use(requestLog({ logger }));
  app.use(securityHeaders());
  app.use(errorResponses({ logger, refusals }));
  app.use(refuseMalformedTargets());
  for (const router of routers) app.use(router.routes()).use(router.allowedMethods());
  // What gets here broke after the answer had begun: the client went away, mostly.
  app.on("error", (error) => brokenRequests.note({ err: error }));
  return app;
}

export interface AppOptions {
  readonly routers: readonly Router[];
  /** How many of the last entries in `X-Forwarded-For` were written by proxies of ours; 0 ignores the header. */
  readonly trustedProxyCount: number;
  readonly logger: Logger;
  readonly refusals: BurstLog;
  readonly brokenRequests: BurstLog;
}
