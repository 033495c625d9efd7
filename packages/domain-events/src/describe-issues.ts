import type { SchemaIssue } from "./standard-schema.ts";

/** Words that schemas use of their own accord: a payload that has them too gives nothing away. */
const ownWords = new Set(
  (
    "a an and array at be bigint boolean but characters date email equal exactly expected expression false greater instance integer invalid is key keys " +
    "large least length less long many matched maximum minimum missing more most must never not null number object of one option or received record " +
    "regular required short small string symbol than the to too true type undefined union unknown unrecognized url uuid value was"
  ).split(" "),
);
const plainName = /^[A-Za-z_$][\w$-]{0,63}$/;

/**
 * Says what does not fit and where, never with a value: schemas write them into their messages, whole, shortened, escaped or quoted. So what a schema says is left
 * out where a word or a number of it stands in the input; and a key that is no plain name (an address in a record, say) is not shown.
 */
export function describeIssues(issues: readonly SchemaIssue[], input: unknown): string {
  const values = readValues(input);
  const describe = ({ path = [], message }: SchemaIssue): string => {
    const place = path.map((step) => nameOf(typeof step === "object" ? step.key : step)).join(".");
    const reason = values === undefined || repeatsOneOf(values, message) ? "does not fit" : message;
    return place === "" ? reason : `${place}: ${reason}`;
  };
  return issues.map(describe).join("; ");
}

function nameOf(key: PropertyKey): string {
  return typeof key === "number" || plainName.test(String(key)) ? String(key) : "[…]";
}

function repeatsOneOf(values: readonly string[], message: string): boolean {
  // Behind a backslash stands a letter that is no part of the word.
  const words = message.replaceAll(/\\(?:u[\da-f]{4}|x[\da-f]{2}|.)/gi, " ").toLowerCase();
  return (words.match(/[\p{L}\p{N}]+/gu) ?? []).some(
    (word) => !ownWords.has(word) && values.some((value) => value.includes(word)),
  );
}

/** `undefined` for what cannot be read. */
function readValues(input: unknown): readonly string[] | undefined {
  try {
    return [...valuesIn(input, new Set())].map((value) => value.toLowerCase());
  } catch {
    return undefined;
  }
}

/** Keys that are not shown are values, too. */
function* valuesIn(value: unknown, seen: Set<object>): Generator<string> {
  if (typeof value === "bigint") yield `${value}n`;
  else if (typeof value !== "object" || value === null) yield String(value);
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Date) yield* [String(value), value.toISOString(), String(value.getTime())];
  if (value instanceof Map || value instanceof Set) for (const inner of value) yield* valuesIn(inner, seen);
  for (const [key, inner] of Object.entries(value)) {
    if (!plainName.test(key)) yield key;
    yield* valuesIn(inner, seen);
  }
}
