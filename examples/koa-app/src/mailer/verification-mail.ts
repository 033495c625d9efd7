import { html } from "../html.ts";
import { tokenLifetimeHours } from "../users/verification-token.ts";
import { mailBody } from "./mail-body.ts";
import type { Mail } from "./mailer.ts";

/** The mail with the link that verifies an address. */
export function verificationMail({ to, token, publicUrl }: { to: string; token: string; publicUrl: URL }): Mail {
  const link = verificationLink(publicUrl, token);
  const expiry = `The link works once, for ${tokenLifetimeHours} hours.`;
  const warning = "If you did not register, do nothing: without the link the address stays unverified.";
  return {
    to,
    subject: "Please verify your e-mail address",
    text: `Welcome!\n\nPlease verify your e-mail address by opening this link and choosing a password there:\n\n${link}\n\n${expiry}\n${warning}\n`,
    html: mailBody({
      title: "Please verify your e-mail address",
      content: html`
        <p>Welcome! One step is left: open the link, and choose a password.</p>
        <p>
          <a
            href="${link}"
            style="display:inline-block;padding:10px 20px;border-radius:8px;background:#1d4ed8;color:#fff;"
            >Verify my address</a
          >
        </p>
        <p>${expiry} ${warning}</p>
      `,
    }),
  };
}

/** Links start with PUBLIC_URL, whatever `Host` header a request came with: else a stranger could have a mail point to him. */
function verificationLink(publicUrl: URL, token: string): string {
  const link = new URL("/auth/verify-email", publicUrl);
  link.searchParams.set("token", token);
  return link.href;
}
