// Follows the links of the built site, anchors included, and looks for pages that the sidebar leaves out.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sidebar } from "../docs/.vitepress/sidebar.ts";
import { root } from "./docs/repository.ts";

const dist = join(root, "docs/.vitepress/dist");
const base = process.env["DOCS_BASE"] ?? "/";

interface BuiltPage {
  /** Such as `guides/testing.html`. */
  readonly path: string;
  readonly ids: ReadonlySet<string>;
  readonly targets: readonly string[];
}

const pages = new Map(globSync("**/*.html", { cwd: dist }).map((path) => [path, toBuiltPage(path)]));
const inSidebar = new Set(linksIn(sidebar).map(toPath));
const problems = [...pages.values()].flatMap((page) => [...deadTargets(page), ...leftOut(page)]);

for (const problem of problems) console.log(problem);
console.log(`${pages.size} pages, ${problems.length} failed`);
if (problems.length > 0 || pages.size === 0) process.exitCode = 1;

function toBuiltPage(path: string): BuiltPage {
  const html = readFileSync(join(dist, path), "utf8");
  const main = /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? html;
  return {
    path,
    ids: new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id = ""]) => id)),
    targets: [...new Set([...main.matchAll(/\s(?:href|src)="([^"]+)"/g)].map(([, target = ""]) => unescape(target)))],
  };
}

function deadTargets({ path, targets }: BuiltPage): string[] {
  return targets
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
    .flatMap((target) => {
      const { pathname, hash } = new URL(target, `https://site${base}${path}`);
      const file = toPath(decodeURI(pathname).slice(base.length - 1));
      const page = pages.get(file);
      if (page === undefined) return existsSync(join(dist, file)) ? [] : [`${path}: there is no ${target}.`];
      const anchor = decodeURIComponent(hash.slice(1));
      return anchor === "" || page.ids.has(anchor) ? [] : [`${path}: ${target} has no such heading.`];
    });
}

/** The pages below an entry of the API are listed by that entry. */
function leftOut({ path }: BuiltPage): string[] {
  const isListed = inSidebar.has(path) || path.startsWith("api/") || path === "index.html" || path === "404.html";
  return isListed ? [] : [`${path}: is not in the sidebar (docs/.vitepress/sidebar.ts).`];
}

function linksIn(items: typeof sidebar): string[] {
  return items.flatMap(({ link, items: below = [] }) => [...(link === undefined ? [] : [link]), ...linksIn(below)]);
}

function toPath(link: string): string {
  const path = link.replace(/^\//, "");
  if (path === "" || path.endsWith("/")) return `${path}index.html`;
  return /\.[a-z0-9]+$/.test(path) ? path : `${path}.html`;
}

function unescape(text: string): string {
  return text.replaceAll("&amp;", "&").replaceAll("&quot;", '"');
}
