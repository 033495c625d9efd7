import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { MarkdownOptions } from "vitepress";
import { root } from "../../scripts/docs/repository.ts";

type MarkdownIt = Parameters<NonNullable<MarkdownOptions["config"]>>[0];

interface PageEnvironment {
  readonly path: string;
  readonly realPath?: string;
  readonly frontmatter?: { readonly source?: string };
}

const docs = join(root, "docs");
const files = "https://github.com/acme/acme/blob/main";

/** The documents link to files, as GitHub wants it; the site has pages for some of them, and links to the others. */
export function siteLinks(markdown: MarkdownIt): void {
  const render = markdown.renderer.rules["link_open"];
  markdown.renderer.rules["link_open"] = (tokens, index, options, environment, self) => {
    const href = tokens[index]?.attrGet("href");
    if (href) tokens[index]?.attrSet("href", toSite(href, environment as PageEnvironment));
    return render?.(tokens, index, options, environment, self) ?? self.renderToken(tokens, index, options);
  };
}

function toSite(href: string, { path: page, realPath = page, frontmatter }: PageEnvironment): string {
  if (/^([a-z][a-z+.-]*:|#|\/)/i.test(href)) return href;
  const [path = "", anchor] = href.split("#");
  // An included document links from where it stands.
  const source = frontmatter?.source === undefined ? realPath : join(dirname(realPath), frontmatter.source);
  const target = join(dirname(source), decodeURI(path));
  return toPage(target) + (anchor === undefined ? "" : `#${anchor}`);
}

function toPage(target: string): string {
  const inRepository = relative(root, target).replaceAll("\\", "/").replace(/\/$/, "");
  if (inRepository === "README.md") return "/";
  // Such a page includes the README of a package or an example.
  const [, name] = /^(?:packages|examples)\/([^/]+)(?:\/README\.md)?$/.exec(inRepository) ?? [];
  if (name !== undefined && existsSync(join(docs, "packages", `${name}.md`))) return `/packages/${name}.md`;
  const inDocs = relative(docs, target).replaceAll("\\", "/").replace(/\/$/, "");
  if (inDocs.startsWith("..")) return `${files}/${inRepository}`;
  const isFolder = existsSync(target) && statSync(target).isDirectory();
  return `/${isFolder ? `${inDocs}/` : inDocs.replace(/(^|\/)README\.md$/, "$1")}`;
}
