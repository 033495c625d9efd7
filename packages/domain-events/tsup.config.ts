import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/knex.ts", "src/pg.ts", "src/testing.ts", "src/vitest.ts"],
  format: ["esm", "cjs"],
  target: "node20",
  dts: true,
  clean: true,
  sourcemap: true,
  treeshake: true,
});
