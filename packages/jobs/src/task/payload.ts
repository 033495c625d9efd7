import { isDeepStrictEqual } from "node:util";
import { describeIssues } from "@acme/shared/describe-issues";
import { JobsError } from "../errors.ts";
import { isPromiseLike, whenKnown } from "@acme/shared/promise-like";
import { survivesJson } from "./survives-json.ts";
import type { Task } from "./task.ts";

/** Larger payloads would make every attempt, outbox row and dead letter slow. */
export const largestPayloadBytes = 256 * 1024;

/**
 * Turns the payload that was passed to `enqueue` into the stored text: the schema's output as JSON. Makes sure that JSON does
 * not change the output, and that the worker's check will pass. Answers synchronously if the schema does.
 *
 * @throws {@link JobsError} `PAYLOAD_INVALID`, or rejects with it.
 */
export function toStoredPayload(task: Task, input: unknown): string | PromiseLike<string> {
  const given = writeIfPossible(input);
  return whenKnown(checkPayload(task, input), (output) => {
    const json = toJson(task, output);
    // If the schema has changed nothing, it will change nothing when the worker runs it.
    if (json === given && (output === input || survivesJson(input))) return json;
    // Parsed twice, because a schema may change its input in place.
    return whenKnown(checkPayload(task, JSON.parse(json)), (again) => {
      if (isDeepStrictEqual(again, JSON.parse(json))) return json;
      throw invalid(
        task,
        "its schema would change its own output again, so the task would get something else than what was stored",
      );
    });
  });
}

/**
 * Runs the task's schema, before a job is stored and again before it runs. Answers synchronously if the schema does, because
 * promises slow down many short jobs.
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
  // A RangeError is a stack overflow: a recursive schema calls itself for each level.
  const explain = (error: unknown): never => {
    throw error instanceof RangeError ? invalid(task, "it is nested more deeply than its schema can check") : error;
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
    // JSON escapes the characters that PostgreSQL cannot store, and few others: most payloads need no further look.
    if (json?.includes(String.raw`\u`)) refuseUnstorable(task, output);
    return { json, survives: survivesJson(output) };
  } catch (error) {
    if (error instanceof JobsError) throw error;
    // The original error is left out: its message may hold property values, for example if a toJSON() has thrown it.
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
