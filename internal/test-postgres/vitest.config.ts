import { defineConfig } from "vitest/config";
import { maxWorkers } from "./src/max-workers.ts";

export default defineConfig({
  test: {
    // Making a cluster takes half a second on an idle machine, and several when it is busy.
    testTimeout: 30_000,
    include: ["test/**/*.test.ts"],
    maxWorkers,
    globalSetup: ["./src/global-setup.ts"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
