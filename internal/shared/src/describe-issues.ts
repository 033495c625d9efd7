import type { SchemaIssue } from "./standard-schema.ts";

/** Words that schemas use of their own accord: an input that has them too gives nothing away. */
const ownWords = new Set(
  (
    "a an and array at be bigint boolean but characters date email equal exactly expected expression greater instance integer invalid is key keys " +
    "large least length less long many matched maximum minimum missing more most must never not null number object of one option or received record " +
    "regular required short small string symbol than the to too type undefined union unknown unrecognized url uuid value was"
  ).split(" "),
);
const plainName = /^[A-Za-z_$][\w$-]{0,63}$/;
const mostIssues = 10;
/** To compare with more takes long, and an input of this size is looked at elsewhere. */
const mostValues = 2_000;
const longestValues = 100_000;

/**
 * Says what does not fit and where, never with a value: schemas write them into their messages, whole, shortened, escaped or quoted. So what a schema says is left
 * out where a word, a number or a whole text of the input stands in it; and a key that is no plain name (an address in a record, say) is not shown.
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
    // The number in a Map is data, that in a list is a position.
    const isShown = typeof key === "number" ? Array.isArray(at) : plainName.test(String(key));
    at = typeof at === "object" && at !== null ? Reflect.getOwnPropertyDescriptor(at, key)?.value : undefined;
    return isShown ? String(key) : "[…]";
  });
}

function repeatsOneOf(values: readonly string[], message: string): boolean {
  const said = message.toLowerCase();
  // Behind a backslash may stand a letter that is no part of the word.
  const words = `${said} ${said.replaceAll(/\\(?:u[\da-f]{4}|x[\da-f]{2}|.)/gi, " ")}`.match(/[\p{L}\p{N}]+/gu) ?? [];
  const telling = [...new Set(words)].filter((word) => !ownWords.has(word));
  return values.some((value) => {
    const isWhole = value.length > 1 || !/[\p{L}\p{N}]/u.test(value);
    return (isWhole && said.includes(value)) || telling.some((word) => value.includes(word));
  });
}

/** `undefined` for what cannot be read, or is too much. */
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

/** Keys that are not shown are values, too. */
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
