import { html, type Html } from "../html.ts";
import type { Problem } from "../http/problem.ts";
import type { CaughtMail } from "../local/mail-catcher.ts";
import { field } from "./field.ts";
import { layout } from "./layout.ts";
import { mailList } from "./mail-list.ts";

/** The page at `/`: the two forms and, with the embedded mail catcher, what it caught. Works without JavaScript as well. */
export function homePage({ mails, outcome }: HomePageContent): Html {
  const resend = html`<summary>The mail did not come?</summary>
    ${addressForm({ form: "resend", json: "/auth/resend-verification", button: "Send it again", outcome })}`;
  return layout({
    title: "Registration",
    script: "/assets/page.js",
    content: html`
      <h1>Registration</h1>
      <p class="lead">Register with an e-mail address. A mail with a link follows; behind it you choose a password.</p>
      ${addressForm({ form: "register", json: "/auth/register", button: "Register", outcome })}
      ${outcome?.form === "resend" ? html`<details open>${resend}</details>` : html`<details>${resend}</details>`}
      ${mails === undefined ? undefined : mailbox(mails)}
    `,
  });
}

interface HomePageContent {
  /** Undefined when a real SMTP server is in use: then no mail is shown to anybody. */
  readonly mails: readonly CaughtMail[] | undefined;
  readonly outcome?: Outcome | undefined;
}

export const formNames = ["register", "resend"] as const;

export type FormName = (typeof formNames)[number];

/** What became of a form that was sent without JavaScript: a message when it was taken, else the problem and what was typed. */
export type Outcome = { readonly form: FormName } & (
  | { readonly message: string; readonly problem?: never; readonly typed?: never }
  | { readonly problem: Problem; readonly typed: string; readonly message?: never }
);

function addressForm({ form, json, button, outcome }: AddressFormContent): Html {
  const { message, problem, typed } = outcome?.form === form ? outcome : {};
  return html`<form method="post" action="/${form}" data-json="${json}" novalidate>
    ${field({
      form,
      name: "email",
      label: "E-mail address",
      type: "email",
      autocomplete: "email",
      value: typed,
      errors: problem?.fields?.["email"],
    })}
    <button type="submit">${button}</button>
    <p class="outcome${problem && " failed"}" role="status">${problem?.message ?? message}</p>
  </form>`;
}

interface AddressFormContent {
  readonly form: FormName;
  /** Where the script sends the form instead. */
  readonly json: string;
  readonly button: string;
  readonly outcome: Outcome | undefined;
}

function mailbox(mails: readonly CaughtMail[]): Html {
  return html`<section aria-labelledby="mails-title">
    <h2 id="mails-title">Caught mails</h2>
    <p class="hint">No mail leaves this machine: what the app sends ends here, the newest first.</p>
    <p class="hint" id="no-mails">No mail yet. Register, and it appears here by itself.</p>
    <noscript><p class="hint">Reload the page to see new mails.</p></noscript>
    <div id="mails" aria-live="polite">${mailList(mails)}</div>
  </section>`;
}
