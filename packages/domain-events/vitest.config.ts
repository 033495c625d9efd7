import { maxWorkers } from "@acme/test-postgres/max-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    maxWorkers,
    globalSetup: ["@acme/test-postgres/global-setup"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts", "test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    // Two cores shared with other suites make the compilers of the consumer test slow.
    testTimeout: 20_000,
    execArgv: ["--unhandled-rejections=strict"],
  },
});
