import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // It ends tests that hang, as in the other workspaces. Making a cluster takes half a second, or ten on a very busy machine.
    testTimeout: 120_000,
    maxWorkers: 4,
    include: ["test/**/*.test.ts"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
