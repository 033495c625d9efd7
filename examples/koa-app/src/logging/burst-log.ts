import type { Logger } from "./logger.ts";

/** Warns of what may come by the thousand: the first one at once, then one line per interval with how many there were. */
export interface BurstLog {
  /** Counts one. The line that tells of it holds the fields of the last one. */
  note(fields: Readonly<Record<string, unknown>>): void;
  /** Writes what was counted since the last line. */
  flush(): void;
}

export function createBurstLog({ logger, message, intervalMs = 10_000 }: BurstLogOptions): BurstLog {
  let count = 0;
  let lastFields: Readonly<Record<string, unknown>> = {};
  let interval: NodeJS.Timeout | undefined;

  return {
    note(fields) {
      count += 1;
      lastFields = fields;
      if (interval === undefined) writeAndWait();
    },
    flush() {
      clearTimeout(interval);
      interval = undefined;
      write();
    },
  };

  function writeAndWait(): void {
    write();
    interval = setTimeout(() => {
      interval = undefined;
      if (count > 0) writeAndWait();
    }, intervalMs).unref();
  }

  function write(): void {
    if (count === 0) return;
    logger.warn({ ...lastFields, count }, message);
    count = 0;
  }
}

interface BurstLogOptions {
  readonly logger: Logger;
  readonly message: string;
  readonly intervalMs?: number;
}
