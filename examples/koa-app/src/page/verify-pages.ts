import { html, type Html } from "../html.ts";
import { layout } from "./layout.ts";

/** What a link in a mail opens: a button, because only a person presses one. */
export function verifyPage(token: string): Html {
  return layout({
    title: "Verify your e-mail address",
    content: html`
      <h1>Verify your e-mail address</h1>
      <p>Press the button, and the address this link was sent to is verified.</p>
      <form method="post" action="/auth/verify-email">
        <input type="hidden" name="token" value="${token}" />
        <button type="submit">Verify my address</button>
      </form>
    `,
  });
}

export function verifiedPage(): Html {
  return layout({
    title: "Address verified",
    content: html`
      <h1>Thank you, your address is verified.</h1>
      <p>You can close this page.</p>
    `,
  });
}

/** One page for a wrong, a used and an expired link: which of them it was is nobody's business but the owner's. */
export function linkRefusedPage(): Html {
  return layout({
    title: "This link does not work",
    content: html`
      <h1>This link does not work any more.</h1>
      <p>It was used already, it is too old, a newer registration has replaced it, or a part of it got lost.</p>
      <p>If your address is verified, there is nothing to do. Otherwise <a href="/">ask for a new mail</a>.</p>
    `,
  });
}
