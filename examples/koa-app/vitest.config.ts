import { maxWorkers } from "@acme/test-postgres/max-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    maxWorkers,
    globalSetup: ["@acme/test-postgres/global-setup"],
    setupFiles: ["./test/support/setup.ts"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts", "test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    execArgv: ["--unhandled-rejections=strict"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
