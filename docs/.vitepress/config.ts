import { defineConfig } from "vitepress";
import { slugOf } from "../../scripts/docs/markdown.ts";
import { siteLinks } from "./links.ts";
import { sidebar } from "./sidebar.ts";

export default defineConfig({
  title: "acme",
  description: "Domain events and jobs on PostgreSQL",
  lang: "en",
  base: process.env["DOCS_BASE"] ?? "/",
  rewrites: { "guides/README.md": "guides/index.md", "decisions/README.md": "decisions/index.md" },
  markdown: {
    // Anchors are those that GitHub makes, so that one link works in both places.
    anchor: { slugify: slugOf },
    config: siteLinks,
  },
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  head: [["link", { rel: "icon", href: "data:," }]],
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Tutorial", link: "/tutorial", activeMatch: "^/tutorial" },
      { text: "Guides", link: "/guides/", activeMatch: "^/guides/" },
      { text: "Operations", link: "/runbook", activeMatch: "^/(runbook|failover|exercise)" },
      { text: "API", link: "/api/", activeMatch: "^/api/" },
    ],
    sidebar,
    outline: { level: [2, 3] },
    docFooter: { prev: "Before", next: "Next" },
    footer: { message: "MIT" },
  },
});
