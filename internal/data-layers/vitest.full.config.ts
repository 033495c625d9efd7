import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

/** The whole suite for each layer, which takes minutes. */
export default defineConfig({ test: { ...config.test, include: ["test/conformance/*.test.ts"] } });
