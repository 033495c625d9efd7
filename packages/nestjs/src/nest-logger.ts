import type { Logger } from "@acme/jobs";
import { Logger as NestLogger, type LoggerService } from "@nestjs/common";

/**
 * Makes a logger of the packages write to a logger of Nest: the message, then the fields as JSON.
 *
 * @throws Nothing.
 *
 * @example
 * import { Logger } from "@nestjs/common";
 * const jobs = createJobs({ connection, logger: nestLogger(new Logger("Background")) });
 */
export function nestLogger(nest: LoggerService = new NestLogger("Acme")): Logger {
  return {
    debug: (fields, message) => nest.debug?.(lineOf(fields, message)),
    info: (fields, message) => nest.log(lineOf(fields, message)),
    warn: (fields, message) => nest.warn(withStack(fields, message)),
    error: (fields, message) => nest.error(withStack(fields, message)),
  };
}

function lineOf(fields: object, message: string): string {
  const { err, ...rest } = fields as { readonly err?: unknown };
  const named = err instanceof Error ? { ...rest, err: err.message } : fields;
  return Object.keys(named).length === 0 ? message : `${message} ${JSON.stringify(named)}`;
}

function withStack(fields: object, message: string): string {
  const { err, ...rest } = fields as { readonly err?: unknown };
  return err instanceof Error ? `${lineOf(rest, message)}\n${err.stack}` : lineOf(fields, message);
}
