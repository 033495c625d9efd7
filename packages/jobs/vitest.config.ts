import { testOptions } from "@acme/test-postgres/test-options";
import { defineConfig } from "vitest/config";

/** Of other workspaces, the sources: what is changed there is seen here without a build. */
const source = "@acme/source";

export default defineConfig({
  ssr: { resolve: { conditions: [source, "module", "node", "development|production"] } },
  test: {
    ...testOptions,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["@acme/test-postgres/global-setup"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts", "test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    execArgv: ["--unhandled-rejections=strict", `--conditions=${source}`],
  },
});
