import type { DurableHandler, DurableStore } from "@acme/shared/durable-handler";
import type { JobWriter } from "./job-writer.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import { JobsError } from "./errors.ts";
import { toJobRequests, type JobOptions, type JobRequest } from "./job/job-request.ts";
import { flagsOfEvent } from "./job/origin.ts";
import { assertTask, type Task } from "./task/task.ts";

type PrepareRequest = () => Promise<JobRequest[]>;

/** The options of the job, or a function that makes them from the event. */
export type DurableOptions<Event> = JobOptions | ((event: Event) => JobOptions);

/** Makes an event handler whose work is a job. See `durable` of `Jobs`. */
export type Durable = <Event, Input>(
  task: Task<string, Input, unknown>,
  toPayload: (event: Event) => NoInfer<Input>,
  options?: DurableOptions<Event>,
) => DurableHandler<Event>;

/** The event has happened, and its unit is about to commit: nothing may be waited for. */
function atOnce<Value>(made: Value, { name }: Task): Value {
  if (!isPromiseLike(made)) return made;
  // The unit is refused either way.
  made.then(undefined, () => undefined);
  throw new JobsError(
    "HANDLER_INVALID",
    `A function given to durable("${name}", …) returned a promise. It makes the payload or the options from the event ` +
      "alone; whatever takes time belongs into the task.",
  );
}

/** Makes event handlers whose work is a job, written in the transaction that recorded the event. */
export function createDurable(writer: JobWriter, wake: () => void): Durable {
  // One store for all handlers: a unit of work then writes all its jobs in one statement.
  const store: DurableStore = {
    async write(prepare, transaction) {
      const requests = [];
      for (const prepareOne of prepare as readonly PrepareRequest[]) requests.push(...(await prepareOne()));
      return writer.write(requests, transaction, transaction?.proofSql);
    },
    wake,
  };
  return function durable<Event, Input>(
    task: Task<string, Input, unknown>,
    toPayload: (event: Event) => NoInfer<Input>,
    options: DurableOptions<Event> = {},
  ): DurableHandler<Event> {
    assertTask(task);
    if (typeof toPayload !== "function") {
      throw new JobsError("HANDLER_INVALID", `durable("${task.name}", …) takes a function from event to payload.`);
    }
    return Object.freeze({
      delivery: "durable" as const,
      name: `durable(${task.name})`,
      task: task.name,
      store,
      // A schema may be asynchronous, so the payload is made and checked when the store writes.
      toRequest(event: Event): PrepareRequest {
        const flags = flagsOfEvent(event);
        return () => {
          const ofJob = typeof options === "function" ? atOnce(options(event), task) : options;
          return toJobRequests(task, [atOnce(toPayload(event), task)], { options: ofJob, flags });
        };
      },
    });
  };
}
