import { pino, type DestinationStream, type Logger } from "pino";
import type { LogLevel } from "../config.ts";
import { describeError } from "./describe-error.ts";
import { readableLines } from "./readable-lines.ts";
import { standardOutput } from "./standard-output.ts";

export type { Logger } from "pino";

/**
 * Logs JSON lines to stdout, or readable lines when a person watches.
 *
 * Errors belong in `err`: whatever they carry, only what {@link describeError} keeps is written.
 */
export function createLogger({ level, onReaderGone = () => undefined, destination }: LoggerOptions): Logger {
  if (destination !== undefined) return createPino(level, destination);
  if (process.stdout.isTTY) return createPino(level, readableLines(process.stdout));
  const output = standardOutput({ onReaderGone });
  const logger = createPino(level, output);
  output.onDropped((count) => logger.warn({ count }, "log lines were dropped, since they could not be written"));
  return logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Called when nobody reads standard output any more. */
  readonly onReaderGone?: () => void;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

function createPino(level: LogLevel, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error), error: (error: unknown) => describeError(error) },
      hooks: {
        // pino copies the message of a bare error into `msg`, past the serializer.
        logMethod(args, method) {
          const [first, ...others] = args as unknown[];
          const safe = first instanceof Error ? [{ err: first }, ...(others.length > 0 ? others : [first.name])] : args;
          Reflect.apply(method, this, safe);
        },
      },
    },
    destination,
  );
}
