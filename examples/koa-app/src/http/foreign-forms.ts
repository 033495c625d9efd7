import type { Middleware } from "koa";
import { Problem } from "./problem.ts";

/**
 * Refuses forms that a page from elsewhere sends. Every browser of today says so in `Sec-Fetch-Site`; who sends no such header
 * is no browser, and nobody else's limit is spent.
 */
export function refuseForeignForms(): Middleware {
  return async function refuseForeignForm(ctx, next) {
    if (!["", "same-origin", "none"].includes(ctx.get("Sec-Fetch-Site"))) {
      throw new Problem(
        403,
        "FORM_FOREIGN",
        "This form was sent by a page from elsewhere. Open this site, and send it there.",
      );
    }
    await next();
  };
}
