import { createHash } from "node:crypto";
import { markJobId } from "../job/job-id.ts";

/**
 * The id of the job of a tick: always the same, so that a tick which is enqueued again after a failover has lost it has the same
 * idempotency key. In the form of the others: a UUIDv7 (RFC 9562) of the tick's time, and a hash instead of chance.
 */
export function tickId(schedule: string, at: Date): string {
  const hash = createHash("sha256").update(`${schedule} ${at.toISOString()}`).digest("hex");
  const time = at.getTime().toString(16).padStart(12, "0");
  const variant = (8 + (Number.parseInt(hash.charAt(3), 16) % 4)).toString(16);
  return markJobId(
    [time.slice(0, 8), time.slice(8), `7${hash.slice(0, 3)}`, variant + hash.slice(4, 7), hash.slice(7, 19)].join("-"),
  );
}
