import { testOptions } from "@acme/test-postgres/test-options";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    ...testOptions,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["@acme/test-postgres/global-setup"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts", "test/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    execArgv: ["--unhandled-rejections=strict"],
  },
});
