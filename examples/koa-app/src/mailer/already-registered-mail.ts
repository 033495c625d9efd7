import { html } from "../html.ts";
import { mailBody } from "./mail-body.ts";
import type { Mail } from "./mailer.ts";

/** The mail to the owner of a verified address that somebody tried to register again. */
export function alreadyRegisteredMail({ to }: { to: string }): Mail {
  const what = "Somebody, perhaps you, tried to register with this e-mail address. It has an account already.";
  const effect = "Nothing was changed: your password is the one you had. If it was not you, there is nothing to do.";
  return {
    to,
    subject: "You have an account already",
    text: `Hello!\n\n${what}\n\n${effect}\n`,
    html: mailBody({
      title: "You have an account already",
      content: html`
        <p>${what}</p>
        <p>${effect}</p>
      `,
    }),
  };
}
