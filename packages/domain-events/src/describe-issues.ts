import type { SchemaIssue } from "./standard-schema.ts";

const plainName = /^[\w$-]{1,64}$/;
/** Shorter texts stand in messages by chance ("no", "id"). */
const shortestText = 4;

/**
 * Says what does not fit and where, never with a value: what a schema says is left out where it repeats a text of the
 * input, and a key that is no plain name (an address in a record, say) is not shown.
 */
export function describeIssues(issues: readonly SchemaIssue[], input: unknown): string {
  const texts = textsIn(input);
  const describe = ({ path, message }: SchemaIssue): string => {
    const place = (path ?? []).map((step) => nameOf(typeof step === "object" ? step.key : step)).join(".");
    const reason = texts.some((text) => message.includes(text)) ? "does not fit" : message;
    return place === "" ? reason : `${place}: ${reason}`;
  };
  return issues.map(describe).join("; ");
}

function nameOf(key: PropertyKey): string {
  return plainName.test(String(key)) ? String(key) : "[…]";
}

function textsIn(value: unknown, found: string[] = [], seen = new Set<object>()): string[] {
  if (typeof value === "string" && value.length >= shortestText) found.push(value);
  if (typeof value !== "object" || value === null || seen.has(value)) return found;
  seen.add(value);
  for (const [key, inner] of Object.entries(value)) {
    if (!plainName.test(key)) found.push(key);
    textsIn(inner, found, seen);
  }
  return found;
}
