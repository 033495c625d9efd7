import { createConsoleLogger } from "@acme/shared/console-logger";

/** By default only errors are logged: failures must not be silent. */
export const defaultLogger = createConsoleLogger(["error"]);
