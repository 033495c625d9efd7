import { Router } from "@koa/router";
import type { Context } from "koa";
import { z } from "zod";
import type { Html } from "../html.ts";
import { verifiedPage, verifyPage, linkRefusedPage } from "../page/verify-pages.ts";
import { passwordField } from "../users/password-field.ts";
import { tokenPattern } from "../users/verification-token.ts";
import type { Verification } from "../users/verify-email.ts";
import { refuseForeignPages } from "./foreign-pages.ts";
import { problemOf } from "./problem-of.ts";
import { formBody, parseFields } from "./request-body.ts";
import type { RequestLimits } from "./request-limits.ts";

/**
 * The page behind the link in a mail.
 *
 * Opening it changes nothing, because mail scanners and previews open every link. Its form posts the token and a password, and
 * only that verifies.
 */
export function verifyEmailRoutes({ limits, verifyEmail }: VerifyEmailRoutesNeeds): Router {
  const router = new Router({ prefix: "/auth" });

  router.get("/verify-email", async function showForm(ctx) {
    const { token } = ctx.query;
    if (typeof token === "string" && tokenPattern.test(token)) show(ctx, 200, verifyPage({ token }));
    else show(ctx, 400, linkRefusedPage());
  });

  router.post("/verify-email", refuseForeignPages(), limits.perClient(), formBody(), async function verify(ctx) {
    const token = tokenIn(ctx.request.body);
    if (token === undefined) return show(ctx, 410, linkRefusedPage());

    const problem = await problemOf(ctx, async () => {
      const { password } = parseFields(z.object({ password: passwordField }), ctx.request.body);
      const outcome = await verifyEmail({ token, password });
      if (outcome === "verified") show(ctx, 200, verifiedPage());
      else show(ctx, 410, linkRefusedPage());
    });
    if (problem !== undefined) show(ctx, problem.status, verifyPage({ token, fields: problem.fields }));
  });

  return router;
}

interface VerifyEmailRoutesNeeds {
  readonly limits: RequestLimits;
  readonly verifyEmail: (verification: Verification) => Promise<"verified" | "refused">;
}

function tokenIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("token" in body)) return undefined;
  return typeof body.token === "string" && tokenPattern.test(body.token) ? body.token : undefined;
}

function show(ctx: Context, status: number, page: Html): void {
  ctx.status = status;
  ctx.type = "html";
  ctx.body = page.text;
}
