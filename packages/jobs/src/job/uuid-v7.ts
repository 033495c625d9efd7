import { randomUUID } from "node:crypto";

const counterBits = 26;

let lastMs = 0;
let time = "";
let counter = 0;

/** A UUIDv7 (RFC 9562), greater than every one made before in this process, also when the clock goes back. */
export function uuidV7(nowMs: number = Date.now()): string {
  // Its bytes are drawn for many at once, which others are not.
  const random = randomUUID();
  if (nowMs > lastMs) {
    begin(nowMs);
    // The top bit stays free, so that at least 2^25 ids fit in a millisecond.
    counter = Number.parseInt(random.slice(0, 8), 16) >>> (32 - counterBits + 1);
  } else if (++counter === 2 ** counterBits) {
    begin(lastMs + 1);
    counter = 0;
  }
  const high = (0x7000 | (counter >>> 14)).toString(16);
  const low = (0x8000 | (counter & 0x3fff)).toString(16);
  return `${time}-${high}-${low}-${random.slice(24)}`;
}

function begin(ms: number): void {
  lastMs = ms;
  const text = ms.toString(16).padStart(12, "0");
  time = `${text.slice(0, 8)}-${text.slice(8)}`;
}
