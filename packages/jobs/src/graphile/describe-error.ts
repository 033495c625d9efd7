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

const longestStackBytes = 4_096;

/**
 * The stack of any thrown value, cut at 4 KB, so that PostgreSQL can store it. Never throws. `undefined` if there is none that can
 * be read.
 */
export function stackOf(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    const { stack, message } = thrown;
    if (typeof stack !== "string") return undefined;
    return cutToBytes(storable(withoutLongMessage(stack, message), longestStackBytes));
  } catch {
    return undefined;
  }
}

/** A stack begins with the message, which is stored anyway. A long one would leave no room for the calls. */
function withoutLongMessage(stack: string, message: unknown): string {
  if (stack.length <= longestStackBytes || typeof message !== "string" || message.length < longest) return stack;
  const messageAt = stack.indexOf(message);
  return messageAt === -1 ? stack : `${stack.slice(0, messageAt)}…${stack.slice(messageAt + message.length)}`;
}

function cutToBytes(text: string): string {
  const bytes = new Uint8Array(longestStackBytes);
  return text.slice(0, new TextEncoder().encodeInto(text, bytes).read);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** Cuts before it replaces lone surrogates, because the cut may split a pair. */
function storable(text: string, longestText = longest): string {
  return text.slice(0, longestText).replaceAll("\0", "").toWellFormed();
}
