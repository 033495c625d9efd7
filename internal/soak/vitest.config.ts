import { maxWorkers } from "@acme/test-postgres/max-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The short soak runs for 20 s, and then has to drain.
    testTimeout: 120_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 15_000 } },
    include: ["test/**/*.test.ts"],
    maxWorkers,
    globalSetup: ["@acme/test-postgres/global-setup"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
