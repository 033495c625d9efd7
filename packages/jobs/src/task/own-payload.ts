import { checkPayload } from "./payload.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { Task } from "./task.ts";

const ownRefusals = new WeakSet<object>();

/** Whether the payload of the job itself was refused, and not one that its code has enqueued. */
export function isOwnPayloadRefused(error: unknown): boolean {
  return typeof error === "object" && error !== null && ownRefusals.has(error);
}

/** The payload of a job that is about to run. @throws what {@link isOwnPayloadRefused} knows again. */
export function checkOwnPayload(task: Task, payload: unknown): unknown {
  try {
    const checked: unknown = checkPayload(task, payload);
    return isPromiseLike(checked) ? checked.then(undefined, refuse) : checked;
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (typeof error === "object" && error !== null) ownRefusals.add(error);
  throw error;
}
