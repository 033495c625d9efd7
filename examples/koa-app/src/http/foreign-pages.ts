import type { Middleware } from "koa";
import { Problem } from "./problem.ts";

/**
 * Refuses what a page from elsewhere lets the browser of its visitor send, before it spends the visitor's limit. Every browser of
 * today says so in `Sec-Fetch-Site`; other clients send no such header.
 */
export function refuseForeignPages(): Middleware {
  return async function refuseForeignPage(ctx, next) {
    if (!["", "same-origin", "none"].includes(ctx.get("Sec-Fetch-Site"))) {
      throw new Problem("PAGE_FOREIGN", "A page from elsewhere has sent this. Open this site, and send it there.");
    }
    await next();
  };
}
