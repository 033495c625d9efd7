/** What can be said of a thrown value. */
export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
}

const longest = 2_000;

/**
 * Name and message of whatever was thrown, as PostgreSQL stores them in text and jsonb, cut at 2,000 characters. Never throws: a task may
 * throw objects without a prototype, with getters that fail, or whose message is no text.
 */
export function describeError(thrown: unknown): ErrorDescription {
  try {
    if (!(thrown instanceof Error)) return { name: typeof thrown, message: storable(String(thrown)) };
    return { name: storable(textOf(thrown.name, "Error")), message: storable(textOf(thrown.message, "")) };
  } catch {
    return { name: typeof thrown, message: "What was thrown cannot be read." };
  }
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** Cut first: a pair of surrogates may be cut in two. */
function storable(text: string): string {
  return text.slice(0, longest).replaceAll("\0", "").toWellFormed();
}
