import { uuidV7 } from "@acme/shared/uuid-v7";

/** Of 65,536 UUIDs of an application's own, which may be keys of `runOnce`, one looks like the id of a job. */
const mark = "ac5e";

/** A UUIDv7 that ends as no other does. */
export function newJobId(): string {
  return uuidV7().slice(0, -mark.length) + mark;
}

/** The id of a job, or what stands for it where plain SQL has added the job: the installation's id and its number. Either may be followed by more. */
export const jobIdPattern = new RegExp(
  `^[0-9a-f]{8}-[0-9a-f]{4}-(?:7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{8}${mark}|[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:\\d+)`,
);
