import { defineConfig } from "tsup";

const entries = { index: "src/index.ts", vitest: "src/vitest.ts", jest: "src/jest.ts" };

/** Processes of their own, started from their files. */
const programs = { janitor: "src/janitor.ts", supervisor: "../../internal/local-postgres/src/supervisor.ts" };

export default defineConfig({
  entry: { ...entries, ...programs },
  format: ["esm", "cjs"],
  target: "node20",
  dts: { entry: entries },
  // How a module of the CommonJS build finds the files beside it.
  shims: true,
  noExternal: ["@acme/local-postgres"],
  clean: true,
  sourcemap: true,
});
