import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/conformance.ts",
    "src/knex.ts",
    "src/map.ts",
    "src/pg.ts",
    "src/testing.ts",
    "src/vitest.ts",
  ],
  format: ["esm", "cjs"],
  target: "node20",
  // One copy of the shared modules in the CJS build, too: an error of ./knex is an instance of the class in the main entry.
  splitting: true,
  // Inlined: the one interface of typed-emitter would bring its optional rxjs, 12 MB, to whoever installs this package.
  dts: {
    resolve: ["typed-emitter"],
    // What both packages share is part of each.
    compilerOptions: {
      paths: {
        "@acme/shared/*": ["../../internal/shared/src/*.ts"],
        "@acme/test-postgres/*": ["../../internal/test-postgres/src/*.ts"],
      },
    },
  },
  // Only an event map needs it, and whoever installs this package gets nothing else.
  noExternal: ["@dagrejs/dagre"],
  clean: true,
  sourcemap: true,
  treeshake: true,
});
