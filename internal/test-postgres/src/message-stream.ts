/**
 * One message of PostgreSQL's protocol, with its bytes as they came. `type` is empty for the first, untyped messages.
 */
export interface Message {
  type: string;
  bytes: Buffer;
  body: Buffer;
}

/**
 * Splits a stream of bytes into the messages of PostgreSQL's protocol, however TCP has split it.
 *
 * `nextIsUntyped` is called before every message, since the first messages of a client have a length but no type.
 */
export function createMessageStream(nextIsUntyped: () => boolean): (chunk: Buffer) => Generator<Message> {
  let rest: Buffer = Buffer.alloc(0);

  return function* read(chunk) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const typeLength = nextIsUntyped() ? 0 : 1;
      if (rest.length < typeLength + 4) return;
      const length = typeLength + rest.readInt32BE(typeLength);
      if (rest.length < length) return;

      const bytes = rest.subarray(0, length);
      rest = rest.subarray(length);
      yield { type: bytes.toString("latin1", 0, typeLength), bytes, body: bytes.subarray(typeLength + 4) };
    }
  };
}
