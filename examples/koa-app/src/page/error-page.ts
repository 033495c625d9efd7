import { html, type Html } from "../html.ts";
import { layout } from "./layout.ts";

/** What went wrong with a request, for a person, and the number by which others find it in the log. */
export function errorPage({ message, requestId }: ErrorPageContent): Html {
  return layout({
    title: "That did not work",
    content: html`
      <h1>That did not work.</h1>
      <p>${message}</p>
      ${requestId === undefined ? undefined : html`<p>Quote this number if you ask for help: <code>${requestId}</code></p>`}
      <p><a href="/">Back to the start</a></p>
    `,
  });
}

interface ErrorPageContent {
  readonly message: string;
  readonly requestId: string | undefined;
}
