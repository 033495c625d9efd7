import { html, type Html } from "../html.ts";
import type { FieldErrors } from "../http/problem.ts";
import type { CaughtMail } from "../local/mail-catcher.ts";
import { field } from "./field.ts";
import { layout } from "./layout.ts";
import { mailList } from "./mail-list.ts";

/** The page at `/`: the two forms and, with the embedded mail catcher, what it caught. Works without JavaScript as well. */
export function homePage({ mails, outcome }: HomePageContent): Html {
  return layout({
    title: "Registration",
    script: "/assets/page.js",
    content: html`
      <h1>Registration</h1>
      <p class="lead">Register with an e-mail address. A mail with a link follows; behind it you choose a password.</p>
      ${registrationForm(outcome)}
      <details>
        <summary>The mail did not come?</summary>
        <form method="post" action="/resend" data-json="/auth/resend-verification" novalidate>
          ${field({ form: "resend", name: "email", label: "E-mail address", type: "email", autocomplete: "email" })}
          <button type="submit">Send it again</button>
          <p class="outcome" role="status"></p>
        </form>
      </details>
      ${mails === undefined ? undefined : mailbox(mails)}
    `,
  });
}

interface HomePageContent {
  /** Undefined when a real SMTP server is in use: then no mail is shown to anybody. */
  readonly mails: readonly CaughtMail[] | undefined;
  readonly outcome?: Outcome;
}

/** What became of a form that was sent without JavaScript. */
export interface Outcome {
  readonly message: string;
  readonly failed: boolean;
  readonly fields?: FieldErrors | undefined;
}

function registrationForm(outcome: Outcome | undefined): Html {
  const { fields = {}, message = "", failed = false } = outcome ?? {};
  return html`<form method="post" action="/register" data-json="/auth/register" novalidate>
    ${field({ form: "register", name: "email", label: "E-mail address", type: "email", autocomplete: "email", errors: fields["email"] })}
    <button type="submit">Register</button>
    <p class="outcome${failed ? " failed" : ""}" role="status">${message}</p>
  </form>`;
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
