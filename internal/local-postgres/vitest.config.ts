import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Making a cluster takes half a second on an idle machine, and several when it is busy.
    testTimeout: 30_000,
    maxWorkers: 4,
    include: ["test/**/*.test.ts"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
