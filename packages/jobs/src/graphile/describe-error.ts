/** The name and message of a thrown value. */
export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
}

const longest = 2_000;

/**
 * Name and message of any thrown value, so that PostgreSQL can store them as text and jsonb, cut at 2,000 characters. Never
 * throws: a task may throw objects without a prototype, with getters that fail, or with a message that is not a string.
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

/** Cuts before it replaces lone surrogates, because the cut may split a pair. */
function storable(text: string): string {
  return text.slice(0, longest).replaceAll("\0", "").toWellFormed();
}
