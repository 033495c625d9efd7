import { uuidV7 } from "@acme/shared/uuid-v7";

/**
 * Tells ids of jobs from other UUIDs that an application uses as keys of `runOnce`. One in 65,536 of those looks like the id
 * of a job.
 */
const mark = "ac5e";

/** A UUIDv7 that ends with the mark. */
export function newJobId(): string {
  return markJobId(uuidV7());
}

/** Makes the id of a job of a UUIDv7. */
export function markJobId(uuid: string): string {
  return uuid.slice(0, -mark.length) + mark;
}

/**
 * The id of a job at the beginning of a key. A job that plain SQL has added has the installation's id, its number and its time instead.
 */
export const jobIdPattern = new RegExp(
  `^[0-9a-f]{8}-[0-9a-f]{4}-(?:7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{8}${mark}|[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:\\d+:\\d+)`,
);
