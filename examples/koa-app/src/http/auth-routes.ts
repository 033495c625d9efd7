import { Router } from "@koa/router";
import type { Context } from "koa";
import { z } from "zod";
import { emailAddressField, type EmailAddress } from "../users/email-address.ts";
import { passwordField } from "../users/password-field.ts";
import type { Registration } from "../users/register-user.ts";
import { parseFields, jsonBody } from "./request-body.ts";
import type { RequestLimits } from "./request-limits.ts";

/** Registration and the verification mail, as JSON. Every answer is the same for every address. */
export function authRoutes({ limits, registerUser, requestVerification }: AuthRoutesNeeds): Router {
  const router = new Router({ prefix: "/auth" });

  router.post("/register", limits.perClient(), jsonBody(), async function register(ctx) {
    await registerFrom(ctx.request.body, { limits, registerUser });
    accept(ctx);
  });

  router.post("/resend-verification", limits.perClient(), jsonBody(), async function resendVerification(ctx) {
    const { email } = parseFields(z.object({ email: emailAddressField }), ctx.request.body);
    await limits.countAddress(email);
    await requestVerification(email);
    accept(ctx);
  });

  return router;
}

/** Checks first, then counts, then hashes and stores: what is refused has cost nearly nothing. */
export async function registerFrom(body: unknown, { limits, registerUser }: RegisterNeeds): Promise<void> {
  const registration = parseFields(z.object({ email: emailAddressField, password: passwordField }), body);
  await limits.countAddress(registration.email);
  await registerUser(registration);
}

export interface RegisterNeeds {
  readonly limits: RequestLimits;
  readonly registerUser: (registration: Registration) => Promise<void>;
}

interface AuthRoutesNeeds extends RegisterNeeds {
  readonly requestVerification: (email: EmailAddress) => Promise<void>;
}

function accept(ctx: Context): void {
  ctx.status = 202;
  ctx.body = { status: "accepted", message: "Look into your mailbox: a mail with the next step is on its way." };
}
