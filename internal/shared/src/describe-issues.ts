import type { SchemaIssue } from "./standard-schema.ts";

/** Words of the schemas' own messages. They may be shown even if the input has them, since they reveal nothing. */
const ownWords = new Set(
  (
    "a an and array at be bigint boolean but characters date email equal exactly expected expression greater instance integer invalid is key keys " +
    "large least length less long many matched maximum minimum missing more most must never not null number object of one option or received record " +
    "regular required short small string symbol than the to too type undefined union unknown unrecognized url uuid value was"
  ).split(" "),
);
const plainName = /^[A-Za-z_$][\w$-]{0,63}$/;
const mostIssues = 10;
/** With more values the comparison would take too long. The messages of such an input are left out. */
const mostValues = 2_000;
const longestValues = 100_000;

/**
 * Says what does not fit and where, without any value of the input. Schemas put values into their messages, whole,
 * shortened, escaped or quoted. So a message is left out if it has a word, a number or a whole text of the input in it.
 * A key that is no plain name (an address in a record, for example) is not shown.
 */
export function describeIssues(issues: readonly SchemaIssue[], input: unknown): string {
  const values = readValues(input);
  const shown = issues.slice(0, mostIssues).map(({ path = [], message }) => {
    const place = placeOf(path, input).join(".");
    const reason = values === undefined || repeatsOneOf(values, message) ? "does not fit" : message;
    return place === "" ? reason : `${place}: ${reason}`;
  });
  if (issues.length > mostIssues) shown.push(`and ${issues.length - mostIssues} more`);
  return shown.join("; ");
}

function placeOf(path: NonNullable<SchemaIssue["path"]>, input: unknown): string[] {
  let at: unknown = input;
  return path.map((step) => {
    const key = typeof step === "object" ? step.key : step;
    // A numeric key of a Map is data; a number in a list is a position.
    const isShown = typeof key === "number" ? Array.isArray(at) : plainName.test(String(key));
    at = typeof at === "object" && at !== null ? Reflect.getOwnPropertyDescriptor(at, key)?.value : undefined;
    return isShown ? String(key) : "[…]";
  });
}

function repeatsOneOf(values: readonly string[], message: string): boolean {
  const said = message.toLowerCase();
  // A letter behind a backslash may be part of an escape, not of the word.
  const words = `${said} ${said.replaceAll(/\\(?:u[\da-f]{4}|x[\da-f]{2}|.)/gi, " ")}`.match(/[\p{L}\p{N}]+/gu) ?? [];
  const telling = [...new Set(words)].filter((word) => !ownWords.has(word));
  return values.some((value) => {
    const isWhole = value.length > 1 || !/[\p{L}\p{N}]/u.test(value);
    return (isWhole && said.includes(value)) || telling.some((word) => value.includes(word));
  });
}

/** `undefined` if the input cannot be read, or is too large. */
function readValues(input: unknown): readonly string[] | undefined {
  const found: string[] = [];
  let length = 0;
  try {
    for (const value of valuesIn(input, new Set())) {
      if (value === "") continue;
      length += value.length;
      if (found.length >= mostValues || length > longestValues) return undefined;
      found.push(value.toLowerCase());
    }
    return found;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value, JSON.stringify(value).slice(1, -1)];
  if (typeof value === "symbol") return [value.description ?? ""];
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return [String(value)];
  return [];
}

/** The values of the input, and the keys that are not shown. */
function* valuesIn(value: unknown, seen: Set<object>): Generator<string> {
  if (typeof value !== "object" || value === null) {
    yield* textsOf(value);
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value)) throw new TypeError("Bytes are not compared.");
  if (value instanceof Date) yield* [String(value), value.toISOString(), String(value.getTime())];
  if (value instanceof Map || value instanceof Set) for (const inner of value) yield* valuesIn(inner, seen);
  for (const [key, inner] of Object.entries(value)) {
    if (!plainName.test(key) && !Array.isArray(value)) yield key;
    yield* valuesIn(inner, seen);
  }
}
