import { checkPayload } from "./payload.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { Task } from "./task.ts";

const ownRefusals = new WeakSet<object>();

/** Whether the error refused the job's own payload, and not the payload of another job that its code tried to enqueue. */
export function isOwnPayloadRefused(error: unknown): boolean {
  return typeof error === "object" && error !== null && ownRefusals.has(error);
}

/** Checks the payload of a job that is about to run. @throws an error that {@link isOwnPayloadRefused} recognizes. */
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
