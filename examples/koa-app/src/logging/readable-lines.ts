import { styleText } from "node:util";
import type { DestinationStream } from "pino";

/** Writes pino's JSON lines as `12:03:04 info  worker started concurrency=10`. */
export function readableLines(output: { write(text: string): unknown }): DestinationStream {
  return { write: (line) => void output.write(`${readableLine(line)}\n`) };
}

export function readableLine(line: string): string {
  const record: Record<string, unknown> = JSON.parse(line);
  const { level, time, pid: _pid, msg = "", err, ...fields } = record;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const head = [String(time).slice(11, 19), levelLabel(String(level)), String(msg)];
  return [head.join(" "), styleText("dim", pairs.join(" ")), stackOf(err)].filter((part) => part !== "").join(" ");
}

function levelLabel(level: string): string {
  const color = level === "error" || level === "fatal" ? "red" : level === "warn" ? "yellow" : "dim";
  return styleText(color, level.padEnd(5));
}

function stackOf(err: unknown): string {
  if (typeof err !== "object" || err === null || !("stack" in err)) return "";
  const cause = "cause" in err ? `\n  caused by${stackOf(err.cause).replaceAll("\n", "\n  ")}` : "";
  return `\n${styleText("dim", String(err.stack))}${cause}`;
}
