import { unknownOption } from "@acme/shared/unknown-option";
import { DomainEventsError } from "./errors.ts";

export { namesOf } from "@acme/shared/unknown-option";

/** A timer with a longer delay would fire at once. */
const longestMs = 2 ** 31 - 1;

/**
 * An option in milliseconds: a delay that a timer supports, or Infinity for no limit.
 *
 * @throws {@link DomainEventsError} `OPTIONS_INVALID`.
 */
export function checkDuration(option: string, value: unknown, leastMs = 0): number {
  if (typeof value === "number" && value >= leastMs && (value <= longestMs || value === Infinity)) return value;
  const range = `from ${leastMs} to ${longestMs} (24 days), or Infinity for no limit`;
  throw optionInvalid(`${option} is a number of milliseconds ${range}.`, value);
}

/** @throws {@link DomainEventsError} `OPTIONS_INVALID` for anything but a whole number from 1. */
export function checkCount(option: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw optionInvalid(`${option} is a whole number from 1.`, value);
}

/** @throws {@link DomainEventsError} `OPTIONS_INVALID` for an option that does not exist. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  const message = unknownOption(what, options, known);
  if (message !== undefined) throw new DomainEventsError("OPTIONS_INVALID", message);
}

function optionInvalid(rule: string, value: unknown): DomainEventsError {
  return new DomainEventsError("OPTIONS_INVALID", `${rule} It is ${kindOf(value)}.`);
}

/** Names the type rather than the value: messages must not show what was passed. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value);
  if (typeof value === "number") return "another number";
  return `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}
