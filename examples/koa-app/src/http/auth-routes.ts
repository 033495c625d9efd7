import { Router } from "@koa/router";
import type { Context } from "koa";
import { z } from "zod";
import { emailAddressField, type EmailAddress } from "../users/email-address.ts";
import { refuseForeignPages } from "./foreign-pages.ts";
import { parseFields, jsonBody } from "./request-body.ts";
import type { RequestLimits } from "./request-limits.ts";

/** Registration and the verification mail, as JSON. Every answer is the same for every address. */
export function authRoutes({ limits, registerUser, requestVerification }: AuthRoutesNeeds): Router {
  const router = new Router({ prefix: "/auth" });

  router.post("/register", refuseForeignPages(), limits.perClient(), jsonBody(), async function register(ctx) {
    const email = emailIn(ctx.request.body);
    await limits.countMail(email, () => registerUser(email));
    accept(ctx);
  });

  router.post(
    "/resend-verification",
    refuseForeignPages(),
    limits.perClient(),
    jsonBody(),
    async function resendVerification(ctx) {
      const email = emailIn(ctx.request.body);
      await limits.countMail(email, () => requestVerification(email));
      accept(ctx);
    },
  );

  return router;
}

/** Reads the address a mail is asked for. */
export function emailIn(body: unknown): EmailAddress {
  return parseFields(z.object({ email: emailAddressField }), body).email;
}

export interface AuthRoutesNeeds {
  readonly limits: RequestLimits;
  readonly registerUser: (email: EmailAddress) => Promise<void>;
  readonly requestVerification: (email: EmailAddress) => Promise<void>;
}

function accept(ctx: Context): void {
  ctx.status = 202;
  ctx.body = { status: "accepted", message: "Look into your mailbox: a mail with the next step is on its way." };
}
