import { randomFillSync } from "node:crypto";
import { processGlobal } from "../process-global.ts";

// Shared by the ESM and the CJS build: units of work merge events by id, so ids must grow across both.
const last = processGlobal("uuid-v7", () => ({ timeMs: 0, counter: 0 }));

const counterBits = 26;
const pool = new Uint8Array(4096);
let used = pool.length;

/** A UUIDv7 (RFC 9562), greater than every one made before in this process, also when the clock goes back. */
export function uuidV7(nowMs: number = Date.now()): string {
  const random = takeRandom(10);
  if (nowMs > last.timeMs) {
    last.timeMs = nowMs;
    // The top bit stays free, so that at least 2^25 ids fit in a millisecond.
    last.counter = random.readUInt32BE(0) >>> (32 - counterBits + 1);
  } else if (++last.counter >= 2 ** counterBits) {
    last.timeMs += 1;
    last.counter = 0;
  }

  const time = last.timeMs.toString(16).padStart(12, "0");
  const high = hex(0x7000 | (last.counter >>> 14));
  const low = hex(0x8000 | (last.counter & 0x3fff));
  return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${low}-${random.toString("hex", 4, 10)}`;
}

function hex(sixteenBits: number): string {
  return sixteenBits.toString(16).padStart(4, "0");
}

function takeRandom(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += length;
  return Buffer.from(pool.buffer, used - length, length);
}
