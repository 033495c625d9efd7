import { maxWorkers } from "@acme/test-postgres/max-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    testTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 30_000,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    maxWorkers,
    globalSetup: ["@acme/test-postgres/global-setup"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts", "test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    execArgv: ["--unhandled-rejections=strict"],
  },
});
