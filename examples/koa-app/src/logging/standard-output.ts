import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

/** Where log lines go when no person watches. */
export interface StandardOutput extends DestinationStream {
  /** Calls back with how many lines were dropped, once one can be written again. */
  onDropped(report: (count: number) => void): void;
}

/**
 * Writes each line at once, so that the last ones before an exit are not lost. A line that cannot be written, because the disk is
 * full or its reader has stopped to read, is dropped. `onReaderGone` is called when there is nobody to read them any more.
 *
 * Not with pino's own destination: that ends the process for a full disk, and says nothing of a reader who has gone.
 */
export function standardOutput({ onReaderGone }: { readonly onReaderGone: () => void }): StandardOutput {
  let report: ((count: number) => void) | undefined;
  let droppedCount = 0;
  const writeText = createWriter();

  return {
    write(line) {
      try {
        writeText(line);
      } catch (error) {
        droppedCount += 1;
        if (isReaderGone(error)) onReaderGone();
        return;
      }
      if (droppedCount > 0) reportDropped();
    },
    onDropped(callback) {
      report = callback;
    },
  };

  function reportDropped(): void {
    const count = droppedCount;
    droppedCount = 0;
    report?.(count);
    // The report itself was dropped. The next one tells of the lines, and not of it.
    if (droppedCount > 0) droppedCount = count;
  }
}

/** Whether a write failed because whoever read what is written has gone, as in `npm start | head`. */
export function isReaderGone(error: unknown): boolean {
  return codeOf(error) === "EPIPE";
}

/** Writes text to standard output. It throws where no more of it can be written, and begins a new line after what was cut off. */
function createWriter(): (text: string) => void {
  let isCutOff = false;
  let isReaderSlow = false;
  return (text) => {
    const bytes = Buffer.from(isCutOff ? `\n${text}` : text);
    // Nothing else runs while this waits, so a reader that stands still is waited for once.
    const waitUntil = isReaderSlow ? 0 : performance.now() + longestWaitMs;
    let written = 0;
    try {
      while (written < bytes.length) written += writeSome(bytes.subarray(written), waitUntil);
      isCutOff = false;
      isReaderSlow = false;
    } catch (error) {
      isCutOff ||= written > 0;
      isReaderSlow = isPipeFull(error);
      throw error;
    }
  };
}

function writeSome(bytes: Uint8Array, waitUntil: number): number {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if (!isPipeFull(error) || performance.now() > waitUntil) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryAfterMs);
    return 0;
  }
}

const retryAfterMs = 20;
const longestWaitMs = 200;

/** Whether a pipe that does not block has no room: its reader is slow, or stands still. */
function isPipeFull(error: unknown): boolean {
  return codeOf(error) === "EAGAIN";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
