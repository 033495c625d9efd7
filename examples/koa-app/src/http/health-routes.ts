import { Router } from "@koa/router";
import type { Health } from "../health.ts";

/**
 * For whoever watches the process. `live`: it answers. `ready`: it can serve; 503 when not, and 200 while it is merely
 * degraded, because taking a server away that still registers users would help nobody.
 */
export function healthRoutes({ checkHealth }: { readonly checkHealth: () => Promise<Health> }): Router {
  const router = new Router({ prefix: "/health" });

  router.get("/live", function live(ctx) {
    ctx.body = { status: "up" };
  });

  router.get("/ready", async function ready(ctx) {
    const health = await checkHealth();
    ctx.status = health.status === "down" ? 503 : 200;
    ctx.body = health;
  });

  return router;
}
