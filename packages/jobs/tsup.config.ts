import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { defineConfig, type Options } from "tsup";

const entries = { index: "src/index.ts", testing: "src/testing/index.ts", vitest: "src/vitest.ts" };

/** The last is a thread's, started from its file. */
const files = { ...entries, "hang-thread": "src/graphile/hang-thread.ts" };

const common: Options = {
  entry: files,
  target: "node22",
  dts: {
    entry: entries,
    // What both packages share is part of each.
    compilerOptions: { paths: { "@acme/shared/*": ["../../internal/shared/src/*.ts"] } },
  },
  sourcemap: true,
  treeshake: true,
};

export default defineConfig([
  {
    ...common,
    // The command line, with its libraries, and with those parts of the package in chunks that it shares with the library.
    entry: { ...files, "acme-jobs": "src/cli/main.ts" },
    format: "esm",
    noExternal: ["commander", "@commander-js/extra-typings", "@clack/prompts", "fast-string-width"],
    metafile: true,
    onSuccess: () => copyLicenses("esm"),
  },
  {
    ...common,
    format: "cjs",
    // How a module finds the files beside it, see src/graphile/hang-watch.ts.
    define: { "import.meta.url": "__filename" },
    // Graphile Worker is an ES module, and Jest has neither import() nor require() of those.
    noExternal: ["graphile-worker"],
    external: ["pg", "typescript"],
    metafile: true,
    onSuccess: () => copyLicenses("cjs"),
  },
]);

/** Whoever passes on a copy of them passes on their terms. */
async function copyLicenses(format: "esm" | "cjs"): Promise<void> {
  const metafile = JSON.parse(await readFile(`dist/metafile-${format}.json`, "utf8")) as {
    inputs: Record<string, unknown>;
  };
  const places = Object.keys(metafile.inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  await mkdir("dist/licenses", { recursive: true });
  for (const place of new Set(places)) {
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    const file = (await readdir(place)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence to pass on`);
    await cp(`${place}/${file}`, `dist/licenses/${name.replace("/", "-")}.txt`);
  }
  await rm(`dist/metafile-${format}.json`);
}
