import { Html, html } from "../html.ts";
import type { CaughtMail } from "../local/mail-catcher.ts";

/**
 * The newest of the caught mails, each in a frame of its own: what is in a mail can run nothing and reach nothing but a new tab.
 */
export function mailList(mails: readonly CaughtMail[]): readonly Html[] {
  return mails.slice(0, shownCount).map(
    (mail) =>
      html`<article id="mail-${mail.id}">
        <h3>${mail.subject}</h3>
        <p class="hint">
          to ${mail.to.join(", ")} at <time datetime="${mail.receivedAt.toISOString()}">${timeOf(mail)}</time> (<a
            href="/mails/${mail.id}"
            target="_blank"
            >open it in a tab</a
          >)
        </p>
        <iframe
          title="Mail: ${mail.subject}"
          src="/mails/${mail.id}"
          loading="lazy"
          sandbox="allow-popups allow-popups-to-escape-sandbox"
          referrerpolicy="no-referrer"
        ></iframe>
      </article>`,
  );
}

const shownCount = 50;

/** What stands in such a frame. The base makes every link open a tab of its own. */
export function mailDocument(mail: CaughtMail): Html {
  const content = mail.html === undefined ? html`<pre>${mail.text}</pre>` : new Html(mail.html);
  return html`<!doctype html><base target="_blank" />${content}`;
}

/** Headers of such a frame: the sandbox holds also when somebody opens its address by itself. */
export const mailDocumentPolicy =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
  "form-action 'none'; frame-ancestors 'self'";

function timeOf({ receivedAt }: CaughtMail): string {
  return `${receivedAt.toISOString().slice(11, 19)} UTC`;
}
