/**
 * The part of Standard Schema v1 that this package uses: zod, valibot, arktype and others fit as they are.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Names the places that did not fit, never the values: what a schema says is left out where it repeats a text of the
 * payload, and a key that is no plain name (an address in a record, say) is not shown.
 */
export function describeIssues(issues: readonly SchemaIssue[], payload: unknown): string {
  const texts = textsIn(payload);
  return issues
    .map(({ path, message }) => {
      const place = (path ?? []).map((step) => nameOf(typeof step === "object" ? step.key : step)).join(".");
      const reason = texts.some((text) => message.includes(text)) ? "does not fit" : message;
      return place === "" ? reason : `${place}: ${reason}`;
    })
    .join("; ");
}

const plainName = /^[\w$-]{1,64}$/;
/** Shorter texts stand in messages by chance ("no", "id"). */
const shortestText = 4;

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
