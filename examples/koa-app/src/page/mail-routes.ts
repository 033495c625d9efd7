import { Router } from "@koa/router";
import type { MailCatcher } from "../local/mail-catcher.ts";
import { notFound } from "../http/error-responses.ts";
import { isForKnownHost } from "../http/known-hosts.ts";
import { Problem } from "../http/problem.ts";
import { isFromThisMachine, type Surroundings } from "../http/this-machine.ts";
import { mailDocument, mailDocumentPolicy, mailList } from "./mail-list.ts";

/** The caught mails. Mounted with the embedded mail catcher only: they hold working links. */
export function mailRoutes({ catcher, ...surroundings }: MailRoutesNeeds): Router {
  const router = new Router({ prefix: "/mails" });

  router.use(async function refuseStrangers(ctx, next) {
    if (!isForKnownHost(ctx, surroundings.publicUrl)) throw unknownHost();
    if (!isFromThisMachine(ctx, surroundings)) throw foreignReader();
    await next();
  });

  router.get("/", function listMails(ctx) {
    const after = Number(ctx.query["after"] ?? 0);
    const mails = catcher.mails().filter(({ id }) => id > after);
    if (ctx.accepts("json", "html") === "html") {
      ctx.type = "html";
      ctx.body = mailList(mails).join("");
      return;
    }
    ctx.body = { mails };
  });

  router.get("/:id", function showMail(ctx) {
    const mail = catcher.find(Number(ctx.params["id"]));
    if (mail === undefined) throw notFound();
    ctx.set("Content-Security-Policy", mailDocumentPolicy);
    ctx.type = "html";
    ctx.body = mailDocument(mail).text;
  });

  return router;
}

interface MailRoutesNeeds extends Surroundings {
  readonly catcher: MailCatcher;
}

function unknownHost(): Problem {
  return new Problem(
    "HOST_UNKNOWN",
    "Mails are shown on localhost and on the host of PUBLIC_URL only. Set PUBLIC_URL to read them elsewhere.",
  );
}

function foreignReader(): Problem {
  return new Problem(
    "READER_FOREIGN",
    "Mails are shown to this machine only, and not through a proxy. Set SMTP_URL to read them elsewhere.",
  );
}
