import { printable } from "./output/printable.ts";

/** How to get the next page, to be put into a shell as it stands. */
export function nextPage(cursor: string): string {
  const word = /^[\w./:+-]+$/.test(cursor) ? cursor : `'${cursor.replaceAll("'", String.raw`'\''`)}'`;
  return `There may be more: go on with --after ${printable(word)}`;
}
