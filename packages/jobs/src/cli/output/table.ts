import stringWidth from "fast-string-width";
import { printable } from "./printable.ts";

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | null | undefined;
  /** Numbers stand to the right. */
  readonly align?: "right";
  /** May be cut if the table is wider than the terminal. */
  readonly isCut?: true;
}

const gap = 2;
const leastCutWidth = 12;

/**
 * Rows as padded columns below their titles.
 *
 * @param width - Of the terminal in columns, or `undefined` for a file or a pipe, where nothing is cut.
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => cellOf(value(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => stringWidth(line[index] ?? ""))));
  if (width !== undefined) narrow(columns, widths, width);
  return cells.map((line) => formatLine(columns, line, widths)).join("\n");
}

function cellOf(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "number" ? value.toLocaleString("en") : printable(value);
}

/** Takes what is missing from the widest columns that may be cut. */
function narrow<Row>(columns: readonly Column<Row>[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, each) => sum + each + gap, -gap);
  for (let over = total() - width; over > 0; over = total() - width) {
    const cuttable = columns.flatMap(({ isCut }, index) =>
      isCut === true && (widths[index] ?? 0) > leastCutWidth ? [index] : [],
    );
    const widest = cuttable.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return;
    widths[widest] = Math.max(leastCutWidth, (widths[widest] ?? 0) - over);
  }
}

function formatLine<Row>(columns: readonly Column<Row>[], cells: readonly string[], widths: readonly number[]): string {
  return columns
    .map(({ align }, index) => {
      const width = widths[index] ?? 0;
      const text = cutTo(cells[index] ?? "", width);
      const padding = " ".repeat(Math.max(0, width - stringWidth(text)));
      return align === "right" ? padding + text : text + padding;
    })
    .join(" ".repeat(gap))
    .trimEnd();
}

/** Cuts text to so many columns of a terminal, in which some characters take two. */
export function cutTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
