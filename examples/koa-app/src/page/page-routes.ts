import { readFileSync } from "node:fs";
import { Router } from "@koa/router";
import type { Context } from "koa";
import { z } from "zod";
import { registerFrom, type RegisterNeeds } from "../http/auth-routes.ts";
import { Problem } from "../http/problem.ts";
import { formBody, parseFields } from "../http/request-body.ts";
import type { MailCatcher } from "../local/mail-catcher.ts";
import { emailAddressField, type EmailAddress } from "../users/email-address.ts";
import { homePage, type Outcome } from "./home-page.ts";

/** The page at `/`, its style and script, and its forms as a browser without JavaScript sends them. */
export function pageRoutes({ catcher, requestVerification, ...register }: PageRoutesNeeds): Router {
  const router = new Router();
  const { limits } = register;

  router.get("/", function showHome(ctx) {
    show(ctx);
  });
  router.post("/register", limits.perClient(), formBody(), async function registerByForm(ctx) {
    await showOutcome(ctx, () => registerFrom(ctx.request.body, register));
  });
  router.post("/resend", limits.perClient(), formBody(), async function resendByForm(ctx) {
    await showOutcome(ctx, async () => {
      const { email } = parseFields(z.object({ email: emailAddressField }), ctx.request.body);
      await limits.countAddress(email);
      await requestVerification(email);
    });
  });
  for (const [file, type] of assets) {
    const content = readFileSync(new URL(`./assets/${file}`, import.meta.url));
    router.get(`/assets/${file}`, function sendAsset(ctx) {
      ctx.set("Cache-Control", "no-cache");
      ctx.type = type;
      ctx.body = content;
    });
  }
  return router;

  async function showOutcome(ctx: Context, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      show(ctx, { message: "Look into your mailbox: a mail with the next step is on its way.", failed: false });
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      ctx.status = error.status;
      if (error.retryAfterSeconds !== undefined) ctx.set("Retry-After", String(error.retryAfterSeconds));
      show(ctx, { message: error.message, failed: true, fields: error.fields });
    }
  }

  function show(ctx: Context, outcome?: Outcome): void {
    ctx.type = "html";
    ctx.body = homePage({ mails: catcher?.mails(), ...(outcome && { outcome }) }).text;
  }
}

interface PageRoutesNeeds extends RegisterNeeds {
  readonly catcher: MailCatcher | undefined;
  readonly requestVerification: (email: EmailAddress) => Promise<void>;
}

const assets = [
  ["page.css", "text/css"],
  ["page.js", "text/javascript"],
] as const;
