import { bodyParser } from "@koa/bodyparser";
import type { Middleware } from "koa";
import type { z } from "zod";
import { Problem, type FieldErrors } from "./problem.ts";

const limit = "16kb";

/** Reads a JSON body of at most 16 kB: 415 for another type, 413 for more, 400 for what does not parse. */
export const jsonBody = (): Middleware => body("json", "application/json", "a JSON object");

/** Reads the body of an HTML form, bounded alike. */
export const formBody = (): Middleware => body("form", "application/x-www-form-urlencoded", "a form");

/**
 * Checks a body.
 *
 * @throws {@link Problem} 400 `FIELDS_INVALID` with the messages per field, or `BODY_INVALID` when there are no fields at all.
 */
export function parseFields<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.output<Schema> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Problem("BODY_INVALID", "The body should be a JSON object.");
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;

  throw new Problem("FIELDS_INVALID", "Some fields cannot be used. See what is said about each of them.", {
    fields: toFieldErrors(parsed.error.issues),
  });
}

function body(kind: "json" | "form", type: string, expected: string): Middleware {
  const parse = bodyParser({
    enableTypes: [kind],
    extendTypes: {},
    jsonLimit: limit,
    formLimit: limit,
    // Without strict, co-body takes texts and numbers too; parseFields says better what is wrong with them.
    jsonStrict: false,
    onError: (error) => {
      throw toProblem(error, expected);
    },
  });
  return async function readBody(ctx, next) {
    if (contentType(ctx.get("Content-Type")) !== type) {
      throw new Problem("CONTENT_TYPE_UNSUPPORTED", `Send ${expected} with "Content-Type: ${type}".`);
    }
    await parse(ctx, next);
  };
}

function contentType(header: string): string | undefined {
  return header.split(";", 1)[0]?.trim().toLowerCase();
}

// The original quotes the body, in which there is a password.
function toProblem(error: Error & { status?: number }, expected: string): Problem {
  if (error.status === 413) return new Problem("BODY_TOO_LARGE", `The body may have up to ${limit}.`);
  if (error.status === 415) return new Problem("CONTENT_TYPE_UNSUPPORTED", "This encoding of a body is not supported.");
  return new Problem("BODY_INVALID", `The body cannot be read as ${expected}.`);
}

function toFieldErrors(issues: readonly z.core.$ZodIssue[]): FieldErrors {
  const fields: Record<string, string[]> = {};
  for (const { path, message } of issues) (fields[String(path[0])] ??= []).push(message);
  return fields;
}
