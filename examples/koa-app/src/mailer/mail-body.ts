import { html, type Html } from "../html.ts";

/** The frame every mail of the app has. Styles stand in the tags, because mail programs drop everything else. */
export function mailBody({ title, content }: { title: string; content: Html }): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
      </head>
      <body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif;">
        <div style="max-width:32em;margin:0 auto;">
          <h1 style="font-size:20px;">${title}</h1>
          ${content}
        </div>
      </body>
    </html>`.text;
}
