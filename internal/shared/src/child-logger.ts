import { protectLogger } from "./protect-logger.ts";
import type { Logger } from "./logger.ts";

/**
 * A logger that adds these fields to each line: the child of a logger that can have one, as pino's can, or a small
 * wrapper. A field of the line itself counts more.
 */
export function childLogger(logger: Logger, fields: object): Logger {
  const { child } = logger as { readonly child?: unknown };
  const wrapper = withFields(logger, fields);
  if (typeof child !== "function") return wrapper;
  try {
    return protectLogger(Reflect.apply(child, logger, [fields]) as Logger, wrapper);
  } catch {
    return wrapper;
  }
}

function withFields(logger: Logger, fields: object): Logger {
  return {
    debug: (own, message) => logger.debug({ ...fields, ...own }, message),
    info: (own, message) => logger.info({ ...fields, ...own }, message),
    warn: (own, message) => logger.warn({ ...fields, ...own }, message),
    error: (own, message) => logger.error({ ...fields, ...own }, message),
  };
}
