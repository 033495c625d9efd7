import { createConsoleLogger } from "@acme/shared/console-logger";

/** Warnings and errors to the console, nothing else: the default where no logger is given. */
export const defaultLogger = createConsoleLogger(["warn", "error"]);
