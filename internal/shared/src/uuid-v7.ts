import { randomUUID } from "node:crypto";

const counterBits = 26;

interface LastId {
  timeMs: number;
  /** The time in the format of the id. */
  time: string;
  counter: number;
}

// Both builds (ESM and CJS) of both packages share this state, because units of work put events in order by their ids.
const stateName = Symbol.for("@acme/uuid-v7@1");
const globals = globalThis as unknown as Record<symbol, LastId | undefined>;
const last = (globals[stateName] ??= { timeMs: 0, time: "", counter: 0 });

/** A UUIDv7 (RFC 9562), greater than every one made before in this process, even if the clock goes back. */
export function uuidV7(nowMs: number = Date.now()): string {
  // randomUUID() draws random bytes for many ids at once, which is faster than drawing a few bytes for each.
  const random = randomUUID();
  if (nowMs > last.timeMs) {
    begin(nowMs);
    // The top bit stays free, so that at least 2^25 ids fit in a millisecond.
    last.counter = Number.parseInt(random.slice(0, 8), 16) >>> (32 - counterBits + 1);
  } else if (++last.counter === 2 ** counterBits) {
    begin(last.timeMs + 1);
    last.counter = 0;
  }
  const high = (0x7000 | (last.counter >>> 14)).toString(16);
  const low = (0x8000 | (last.counter & 0x3fff)).toString(16);
  return `${last.time}-${high}-${low}-${random.slice(24)}`;
}

function begin(ms: number): void {
  const text = ms.toString(16).padStart(12, "0");
  last.timeMs = ms;
  last.time = `${text.slice(0, 8)}-${text.slice(8)}`;
}

const v7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7/;

/** When a UUIDv7 was made, in milliseconds since 1970, by the clock of its host. `undefined` for any other text. */
export function timeOfUuidV7(uuid: string): number | undefined {
  return v7.test(uuid) ? Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16) : undefined;
}
