import { createConsoleLogger } from "@acme/shared/console-logger";

/** Failures must not be silent by default; everything else is. */
export const defaultLogger = createConsoleLogger(["error"]);
