import { defineConfig } from "vitest/config";
import { testOptions } from "./src/test-options.ts";

export default defineConfig({
  test: {
    ...testOptions,
    include: ["test/**/*.test.ts"],
    globalSetup: ["./src/global-setup.ts"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
