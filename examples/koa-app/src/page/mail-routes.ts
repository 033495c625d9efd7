import { Router } from "@koa/router";
import type { MailCatcher } from "../local/mail-catcher.ts";
import { notFound } from "../http/error-responses.ts";
import { mailDocument, mailDocumentPolicy, mailList } from "./mail-list.ts";

/** The caught mails. Mounted with the embedded mail catcher only: they hold working links. */
export function mailRoutes({ catcher }: { readonly catcher: MailCatcher }): Router {
  const router = new Router({ prefix: "/mails" });

  router.get("/", function listMails(ctx) {
    if (ctx.accepts("json", "html") === "html") {
      ctx.type = "html";
      ctx.body = mailList(catcher.mails()).join("");
      return;
    }
    ctx.body = { mails: catcher.mails() };
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
