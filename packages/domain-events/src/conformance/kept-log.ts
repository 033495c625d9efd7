import type { Logger } from "@acme/shared/logger";

/** Keeps what was logged as an error, instead of printing it. */
export interface KeptLog extends Logger {
  readonly errors: { fields: object; message: string }[];
}

export function keepLog(): KeptLog {
  const errors: KeptLog["errors"] = [];
  return {
    errors,
    debug() {},
    info() {},
    warn() {},
    error(fields, message) {
      errors.push({ fields, message });
    },
  };
}
