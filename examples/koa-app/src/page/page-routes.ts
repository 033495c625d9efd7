import { readFileSync } from "node:fs";
import { Router } from "@koa/router";
import type { Context } from "koa";
import { emailIn, type AuthRoutesNeeds } from "../http/auth-routes.ts";
import { isForKnownHost } from "../http/known-hosts.ts";
import { problemOf } from "../http/problem-of.ts";
import { formBody } from "../http/request-body.ts";
import type { MailCatcher } from "../local/mail-catcher.ts";
import { homePage, type Outcome } from "./home-page.ts";

/** The page at `/`, its style and script, and its forms as a browser without JavaScript sends them. */
export function pageRoutes({ catcher, publicUrl, limits, registerUser, requestVerification }: PageRoutesNeeds): Router {
  const router = new Router();

  router.get("/", function showHome(ctx) {
    show(ctx);
  });
  router.post("/register", limits.perClient(), formBody(), async function registerByForm(ctx) {
    await showOutcome(ctx, async () => {
      const email = emailIn(ctx.request.body);
      await limits.countMail(email, () => registerUser(email));
    });
  });
  router.post("/resend", limits.perClient(), formBody(), async function resendByForm(ctx) {
    await showOutcome(ctx, async () => {
      const email = emailIn(ctx.request.body);
      await limits.countMail(email, () => requestVerification(email));
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
    const problem = await problemOf(ctx, work);
    if (problem !== undefined) return show(ctx, { message: problem.message, failed: true, fields: problem.fields });
    show(ctx, { message: "Look into your mailbox: a mail with the next step is on its way.", failed: false });
  }

  function show(ctx: Context, outcome?: Outcome): void {
    ctx.type = "html";
    const mails = isForKnownHost(ctx, publicUrl) ? catcher?.mails() : undefined;
    ctx.body = homePage({ mails, ...(outcome && { outcome }) }).text;
  }
}

interface PageRoutesNeeds extends AuthRoutesNeeds {
  readonly catcher: MailCatcher | undefined;
  readonly publicUrl: URL;
}

const assets = [
  ["page.css", "text/css"],
  ["page.js", "text/javascript"],
] as const;
