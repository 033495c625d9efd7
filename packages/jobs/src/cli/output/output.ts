import { styleText } from "node:util";
import type { GlobalOptions } from "../global-options.ts";
import { formatJson } from "./json.ts";
import { formatTable, type Column } from "./table.ts";
import { formatTime } from "./time.ts";

/** Where a command prints: results to standard output, everything else to standard error. */
export interface Output {
  /** Prints the result: `value` as JSON if that is wanted, and the text otherwise. */
  result(value: unknown, text: () => string): void;
  /** Prints a remark, unless it is not wanted. */
  remark(text: string): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string;
  time(time: Date): string;
}

export function createOutput({ json, quiet, time: format }: GlobalOptions): Output {
  return {
    result(value, text) {
      const printed = json ? formatJson(value, 2) : text();
      if (printed !== "") process.stdout.write(`${printed}\n`);
    },
    remark(text) {
      if (!quiet && !json) process.stderr.write(`${text}\n`);
    },
    table: (columns, rows) => {
      // A terminal that does not know its size says 0.
      const width = (process.stdout.isTTY && process.stdout.columns) || undefined;
      const [head = "", ...lines] = formatTable(columns, rows, width).split("\n");
      return [style("dim", head), ...lines].join("\n");
    },
    time: (time) => formatTime(time, format),
  };
}

/** Text in a style, if standard output is a terminal and nobody has set `NO_COLOR`. */
export function style(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}
