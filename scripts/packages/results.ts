/** What one thing did in one place. */
export interface Cell {
  readonly row: string;
  readonly column: string;
  readonly outcome: Outcome;
  /** What was said where it failed. */
  readonly details?: string;
}

/** `refused`: older than the package claims, and it said so. `unclaimed`: not tried. */
export type Outcome = "passed" | "failed" | "refused" | "unclaimed";

const signs: Readonly<Record<Outcome, string>> = { passed: "✔", failed: "✖", refused: "refused", unclaimed: "–" };

export function printTable(title: string, cells: readonly Cell[]): void {
  if (cells.length === 0) return;
  const columns = [...new Set(cells.map(({ column }) => column))];
  const rows = [...new Set(cells.map(({ row }) => row))];
  const firstWidth = Math.max(title.length, ...rows.map((row) => row.length));
  const line = (first: string, rest: readonly string[]): string =>
    [first.padEnd(firstWidth), ...rest.map((text, index) => text.padEnd(Math.max(8, columns[index]?.length ?? 0)))]
      .join("  ")
      .trimEnd();
  console.log(`\n${line(title, columns)}`);
  for (const row of rows) {
    const outcomes = columns.map((column) => cells.find((cell) => cell.row === row && cell.column === column)?.outcome);
    console.log(
      line(
        row,
        outcomes.map((outcome) => signs[outcome ?? "unclaimed"]),
      ),
    );
  }
}

/** Says what failed and how, then how many there were. */
export function printVerdict(cells: readonly Cell[]): void {
  const failed = cells.filter(({ outcome }) => outcome === "failed");
  for (const { row, column, details = "" } of failed) console.log(`\n✖ ${row}, ${column}\n${shorten(details)}`);
  const passed = cells.filter(({ outcome }) => outcome === "passed" || outcome === "refused");
  console.log(`\n${passed.length} passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}

function shorten(text: string): string {
  const lines = text.trim().split("\n");
  return lines.length <= 30 ? lines.join("\n") : [...lines.slice(0, 20), "…", ...lines.slice(-10)].join("\n");
}

/** Runs these tasks, two at a time, and keeps their order. */
export async function runAll<Result>(tasks: readonly (() => Promise<Result>)[], atOnce = 2): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = tasks.entries();
  async function runNext(): Promise<void> {
    for (const [index, task] of waiting) results[index] = await task();
  }
  await Promise.all(Array.from({ length: atOnce }, runNext));
  return results;
}
