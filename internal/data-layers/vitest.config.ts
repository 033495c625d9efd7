import { testOptions } from "@acme/test-postgres/test-options";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    ...testOptions,
    include: ["test/*.test.ts"],
    globalSetup: ["@acme/test-postgres/global-setup"],
    execArgv: ["--unhandled-rejections=strict"],
  },
});
