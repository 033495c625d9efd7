import { setTimeout as pause } from "node:timers/promises";
import { untilAborted } from "@acme/shared/timeout";
import type { CliContext } from "./context.ts";
import { printable } from "./output/printable.ts";
import { cutTo } from "./output/table.ts";
import { UsageError } from "./usage-error.ts";

const everyMs = 2_000;

const enterScreen = "\x1b[?1049h\x1b[?25l";
const leaveScreen = "\x1b[?25h\x1b[?1049l";
const home = "\x1b[H";
const clearLine = "\x1b[K";
const clearBelow = "\x1b[J";

/**
 * Shows a text on a screen of its own, anew every two seconds, until `q`, Ctrl-C or a signal. The terminal is then as it was
 * before.
 *
 * @throws {@link UsageError} if standard output is no terminal.
 */
export async function watch({ signal }: CliContext, render: () => Promise<string>): Promise<void> {
  const { stdout, stdin } = process;
  if (!stdout.isTTY) throw new UsageError("--watch needs a terminal. Leave it out to print once.");
  const quitting = new AbortController();
  const stop = AbortSignal.any([signal, quitting.signal]);
  const onKey = (key: Buffer) => {
    // In raw mode, Ctrl-C is a key.
    if (key.includes("q") || key.includes("\x03")) quitting.abort();
  };
  // However the process ends, unless it is killed.
  const restore = () => stdout.write(leaveScreen);
  process.once("exit", restore);
  stdout.write(enterScreen);
  const isRaw = stdin.isTTY;
  if (isRaw) stdin.setRawMode(true).on("data", onKey).resume();
  try {
    while (!stop.aborted) {
      const text = await untilAborted(stop, render()).catch((error: unknown) => {
        if (stop.aborted) return "";
        return `${printable((error as Error).message)}\nIt is tried again.`;
      });
      if (stop.aborted) break;
      draw(`${text}\n\nevery 2 s · q quits`);
      await pause(everyMs, undefined, { signal: stop }).catch(() => undefined);
    }
  } finally {
    if (isRaw) stdin.setRawMode(false).off("data", onKey).pause();
    process.removeListener("exit", restore);
    restore();
  }
}

/** Over what was there, line by line, because a cleared screen flickers. */
function draw(text: string): void {
  // A terminal that does not know its size says 0.
  const columns = process.stdout.columns || 80;
  const rows = process.stdout.rows || 24;
  const lines = text
    .split("\n")
    .slice(0, rows - 1)
    .map((line) => (line.includes("\x1b") ? line : cutTo(line, columns)) + clearLine);
  process.stdout.write(`${home}${lines.join("\r\n")}\r\n${clearBelow}`);
}
