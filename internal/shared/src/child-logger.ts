import { protectLogger } from "./protect-logger.ts";
import type { Logger } from "./logger.ts";

/**
 * A logger that adds some fields to each line. Behind it is the child of a logger that can have one, as pino's can, or a
 * small wrapper. That is made for the first line, because mostly there is none.
 */
export function childLogger(logger: Logger, fieldsOf: () => object): Logger {
  let made: Logger | undefined;
  const child = () => (made ??= makeChild(logger, fieldsOf()));
  // No getter on the object that holds the logger instead: to make one takes longer than these four together.
  return {
    debug: (fields, message) => child().debug(fields, message),
    info: (fields, message) => child().info(fields, message),
    warn: (fields, message) => child().warn(fields, message),
    error: (fields, message) => child().error(fields, message),
  };
}

function makeChild(logger: Logger, fields: object): Logger {
  const { child } = logger as { readonly child?: unknown };
  const wrapper = withFields(logger, fields);
  if (typeof child !== "function") return wrapper;
  try {
    return protectLogger(Reflect.apply(child, logger, [fields]) as Logger, wrapper);
  } catch {
    return wrapper;
  }
}

/** A field of the line itself counts more. */
function withFields(logger: Logger, fields: object): Logger {
  return {
    debug: (own, message) => logger.debug({ ...fields, ...own }, message),
    info: (own, message) => logger.info({ ...fields, ...own }, message),
    warn: (own, message) => logger.warn({ ...fields, ...own }, message),
    error: (own, message) => logger.error({ ...fields, ...own }, message),
  };
}
