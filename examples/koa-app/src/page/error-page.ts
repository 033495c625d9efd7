import { html, type Html } from "../html.ts";
import { layout } from "./layout.ts";

/** What went wrong with a request, for a person. */
export function errorPage({ message }: { readonly message: string }): Html {
  return layout({
    title: "That did not work",
    content: html`
      <h1>That did not work.</h1>
      <p>${message}</p>
      <p><a href="/">Back to the start</a></p>
    `,
  });
}
