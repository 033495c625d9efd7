import { html, type Html } from "../html.ts";
import type { FieldErrors } from "../http/problem.ts";
import { field } from "./field.ts";
import { layout } from "./layout.ts";

/** What a link in a mail opens: a form, because only a person fills one in. */
export function verifyPage({ token, fields = {} }: VerifyPageContent): Html {
  return layout({
    title: "Verify your e-mail address",
    content: html`
      <h1>Verify your e-mail address</h1>
      <p>Choose a password. It is set, and the address this link was sent to is verified.</p>
      <form method="post" action="/auth/verify-email" novalidate>
        <input type="hidden" name="token" value="${token}" />
        ${field({
          form: "verify",
          name: "password",
          label: "Password",
          type: "password",
          autocomplete: "new-password",
          hint: "8 to 128 characters. A few words make a good one.",
          errors: fields["password"],
        })}
        <button type="submit">Verify my address</button>
      </form>
    `,
  });
}

interface VerifyPageContent {
  readonly token: string;
  /** What is wrong with the password that was sent. */
  readonly fields?: FieldErrors | undefined;
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
      <p>It was used already, it is too old, or a part of it got lost.</p>
      <p>If your address is verified, there is nothing to do. Otherwise <a href="/">ask for a new mail</a>.</p>
    `,
  });
}
