import { pino, type DestinationStream, type Logger } from "pino";
import type { LogLevel } from "../config.ts";
import { describeError } from "./describe-error.ts";
import { readableLines } from "./readable-lines.ts";

export type { Logger } from "pino";

/**
 * Logs JSON lines to stdout, or readable lines when a person watches.
 *
 * Errors belong in `err`: whatever they carry, only what {@link describeError} keeps is written.
 */
export function createLogger({ level, destination = standardOutput() }: LoggerOptions): Logger {
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

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly destination?: DestinationStream;
}

// Synchronous, so that the last lines before an exit are not lost.
function standardOutput(): DestinationStream {
  if (process.stdout.isTTY) return readableLines(process.stdout);
  return pino.destination({ fd: 1, sync: true });
}
