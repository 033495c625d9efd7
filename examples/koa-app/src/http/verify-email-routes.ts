import { Router } from "@koa/router";
import type { Context } from "koa";
import type { Html } from "../html.ts";
import { verifiedPage, verifyPage, linkRefusedPage } from "../page/verify-pages.ts";
import { tokenPattern } from "../users/verification-token.ts";
import { formBody } from "./request-body.ts";
import type { RequestLimits } from "./request-limits.ts";

/**
 * The page behind the link in a mail.
 *
 * Opening it changes nothing, because mail scanners and previews open every link. Its button posts the token in a body, and
 * only that verifies.
 */
export function verifyEmailRoutes({ limits, verifyEmail }: VerifyEmailRoutesNeeds): Router {
  const router = new Router({ prefix: "/auth" });

  router.get("/verify-email", async function showButton(ctx) {
    const { token } = ctx.query;
    if (typeof token === "string" && tokenPattern.test(token)) show(ctx, 200, verifyPage(token));
    else show(ctx, 400, linkRefusedPage());
  });

  router.post("/verify-email", limits.perClient(), formBody(), async function verify(ctx) {
    const token = tokenIn(ctx.request.body);
    const outcome = token === undefined ? "refused" : await verifyEmail(token);
    if (outcome === "verified") show(ctx, 200, verifiedPage());
    else show(ctx, 410, linkRefusedPage());
  });

  return router;
}

interface VerifyEmailRoutesNeeds {
  readonly limits: RequestLimits;
  readonly verifyEmail: (token: string) => Promise<"verified" | "refused">;
}

function tokenIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("token" in body)) return undefined;
  return typeof body.token === "string" ? body.token : undefined;
}

function show(ctx: Context, status: number, page: Html): void {
  ctx.status = status;
  ctx.type = "html";
  ctx.body = page.text;
}
