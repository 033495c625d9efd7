import { isDeepStrictEqual } from "node:util";
import { describeIssues } from "@acme/shared/describe-issues";
import { JobsError } from "../errors.ts";
import { isPromiseLike, whenKnown } from "@acme/shared/promise-like";
import { survivesJson } from "./survives-json.ts";
import type { Task } from "./task.ts";

/** Larger payloads make every attempt, outbox row and dead letter slow: store the data and pass its id. */
export const largestPayloadBytes = 256 * 1024;

/**
 * Turns what was passed to `enqueue` into what is stored: the schema's output as JSON, once it is certain that it survives
 * that unchanged and that the worker's check of it will pass. At once, where the schema answers at once.
 *
 * @throws {@link JobsError} `PAYLOAD_INVALID`, or rejects with it.
 */
export function toStoredPayload(task: Task, input: unknown): string | PromiseLike<string> {
  const given = writeIfPossible(input);
  return whenKnown(checkPayload(task, input), (output) => {
    const json = toJson(task, output);
    // A schema that has changed nothing would change nothing the next time.
    if (json === given && (output === input || survivesJson(input))) return json;
    // Parsed twice: a schema may change what it is given.
    return whenKnown(checkPayload(task, JSON.parse(json)), (again) => {
      if (isDeepStrictEqual(again, JSON.parse(json))) return json;
      throw invalid(
        task,
        "its schema would change again what it has made, so the task would get something else than was stored",
      );
    });
  });
}

/**
 * Runs the task's schema. Used before a job is stored and again before it runs. At once, where the schema answers at once:
 * promises are felt where many jobs are short.
 *
 * @throws {@link JobsError} `PAYLOAD_INVALID`, or rejects with it.
 */
export function checkPayload(task: Task, value: unknown): unknown {
  return whenKnown(validate(task, value), (result) => {
    if (result.issues === undefined) return result.value;
    throw invalid(task, describeIssues(result.issues, value));
  });
}

function validate(task: Task, value: unknown) {
  // A schema that calls itself for each level.
  const explain = (error: unknown): never => {
    throw error instanceof RangeError ? invalid(task, "it has more levels than its schema gets through") : error;
  };
  try {
    const result = task.payload["~standard"].validate(value);
    return isPromiseLike(result) ? result.then(undefined, explain) : result;
  } catch (error) {
    return explain(error);
  }
}

function toJson(task: Task, output: unknown): string {
  const { json, survives } = write(task, output);
  if (json === undefined) {
    throw invalid(task, "it is undefined. Use an empty object for a task that needs nothing");
  }
  if (Buffer.byteLength(json) > largestPayloadBytes) {
    throw invalid(task, `it is larger than ${largestPayloadBytes / 1024} KiB. Store the data and pass its id`);
  }
  if (!survives) {
    throw invalid(
      task,
      "JSON would change it (a Date, bigint, Map, undefined, NaN or a class instance). Let the schema turn such values into text or numbers",
    );
  }
  return json;
}

function write(task: Task, output: unknown): { readonly json: string | undefined; readonly survives: boolean } {
  try {
    const json = JSON.stringify(output) as string | undefined;
    // What cannot be stored is escaped in JSON, as little else is.
    if (json?.includes(String.raw`\u`)) refuseUnstorable(task, output);
    return { json, survives: survivesJson(output) };
  } catch (error) {
    if (error instanceof JobsError) throw error;
    // The reason names property values at times ("Do not know how to serialize a BigInt" does not, a toJSON may): keep it out.
    throw invalid(task, "it cannot be written as JSON (a bigint, a cycle, or too many levels)");
  }
}

function writeIfPossible(input: unknown): string | undefined {
  try {
    return JSON.stringify(input);
  } catch {
    return undefined;
  }
}

function refuseUnstorable(task: Task, output: unknown): void {
  JSON.stringify(output, (key, value: unknown) => {
    if (!isStorable(key) || (typeof value === "string" && !isStorable(value))) {
      throw invalid(task, "a text in it has a NUL character or half a surrogate pair, which PostgreSQL cannot store");
    }
    return value;
  });
}

function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function invalid(task: Task, why: string): JobsError {
  return new JobsError("PAYLOAD_INVALID", `The payload does not fit task "${task.name}": ${why}.`);
}
