import { existsSync } from "node:fs";

const folder = (path: string) => new URL(`../${path}`, import.meta.url);

/** What has to be done first; imports that find nothing would say it less plainly. */
export function whatIsMissing(): string | undefined {
  if (!existsSync(folder("../node_modules/graphile-worker"))) return "Run `npm ci && npm run build` in the root first.";
  const unbuilt = ["domain-events", "jobs"].find((name) => !existsSync(folder(`../packages/${name}/dist/index.js`)));
  if (unbuilt !== undefined) return `@acme/${unbuilt} is not built. Run \`npm run build\` in the root first.`;
  if (!existsSync(folder("node_modules/bullmq")))
    return "The peers are not installed. Run `npm ci` in benchmarks first.";
  return undefined;
}
