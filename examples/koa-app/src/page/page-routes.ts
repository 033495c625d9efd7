import { readFileSync } from "node:fs";
import { Router } from "@koa/router";
import type { Context } from "koa";
import { emailIn, type AuthRoutesNeeds } from "../http/auth-routes.ts";
import { refuseForeignPages } from "../http/foreign-pages.ts";
import { problemOf } from "../http/problem-of.ts";
import { formBody } from "../http/request-body.ts";
import { isFromThisMachine, type Surroundings } from "../http/this-machine.ts";
import type { MailCatcher } from "../local/mail-catcher.ts";
import type { EmailAddress } from "../users/email-address.ts";
import { formNames, homePage, type FormName, type Outcome } from "./home-page.ts";

/**
 * The page at `/`, its style and script, and its forms as a browser without JavaScript sends them.
 *
 * A form that was taken leads back to the page, so that a reload sends nothing again.
 */
export function pageRoutes({
  catcher,
  limits,
  registerUser,
  requestVerification,
  ...surroundings
}: PageRoutesNeeds): Router {
  const router = new Router();

  router.get("/", function showHome(ctx) {
    const form = formNames.find((name) => name === ctx.query["sent"]);
    show(ctx, form && { form, message: "Look into your mailbox: a mail with the next step is on its way." });
  });
  takeForm("register", registerUser);
  takeForm("resend", requestVerification);
  for (const [file, type] of assets) {
    const content = readFileSync(new URL(`./assets/${file}`, import.meta.url));
    router.get(`/assets/${file}`, function sendAsset(ctx) {
      ctx.set("Cache-Control", "no-cache");
      ctx.type = type;
      ctx.body = content;
    });
  }
  return router;

  function takeForm(form: FormName, work: (email: EmailAddress) => Promise<void>): void {
    router.post(`/${form}`, refuseForeignPages(), limits.perClient(), formBody(), async function postForm(ctx) {
      const problem = await problemOf(ctx, async () => {
        const email = emailIn(ctx.request.body);
        await limits.countMail(email, () => work(email));
        ctx.status = 303;
        ctx.redirect(`/?sent=${form}`);
      });
      if (problem !== undefined) show(ctx, { form, problem, typed: typedAddress(ctx.request.body) });
    });
    // Where the form was shown again, its address stands in the browser.
    router.get(`/${form}`, function leadHome(ctx) {
      ctx.redirect("/");
    });
  }

  function show(ctx: Context, outcome?: Outcome): void {
    ctx.type = "html";
    const mails = isFromThisMachine(ctx, surroundings) ? catcher?.mails() : undefined;
    ctx.body = homePage({ mails, outcome }).text;
  }
}

function typedAddress(body: unknown): string {
  if (typeof body !== "object" || body === null || !("email" in body)) return "";
  return typeof body.email === "string" ? body.email : "";
}

interface PageRoutesNeeds extends AuthRoutesNeeds, Surroundings {
  readonly catcher: MailCatcher | undefined;
}

const assets = [
  ["page.css", "text/css"],
  ["page.js", "text/javascript"],
] as const;
