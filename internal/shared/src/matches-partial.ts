import { inspect, isDeepStrictEqual } from "node:util";
import { isDate } from "node:util/types";

/**
 * Whether the value has everything that is asked for. Objects inside may have more; lists have to have the same length.
 * Asymmetric matchers of vitest and Jest, such as `expect.any(String)`, fit everywhere.
 */
export function matchesPartial(value: unknown, asked: unknown): boolean {
  if (isAsymmetric(asked)) return asked.asymmetricMatch(value);
  // The `occurredAt` of an event is of a class of its own.
  if (isDate(asked)) return isDate(value) && Object.is(value.getTime(), asked.getTime());
  if (Array.isArray(asked)) {
    return (
      Array.isArray(value) && value.length === asked.length && asked.every((one, at) => matchesPartial(value[at], one))
    );
  }
  if (!isPlain(asked)) return isDeepStrictEqual(value, asked);
  if (!isObject(value)) return false;
  return Object.entries(asked).every(([key, one]) => key in value && matchesPartial(value[key], one));
}

/** The value at the places that are asked for, and nothing beside them. */
export function pickAsked(value: unknown, asked: unknown): unknown {
  if (Array.isArray(asked) && Array.isArray(value)) {
    const picked: unknown[] = asked.slice(0, value.length).map((one, at) => pickAsked(value[at], one));
    const more = value.length - picked.length;
    return more > 0 ? [...picked, shownAs(`… ${more} more`)] : picked;
  }
  if (isAsymmetric(asked) || !isPlain(asked) || !isObject(value)) return value;
  const keys = Object.keys(asked).filter((key) => key in value);
  return Object.fromEntries(keys.map((key) => [key, pickAsked(value[key], asked[key])]));
}

/** As text of one line. */
export function show(value: unknown): string {
  return inspect(named(value), { depth: 6, breakLength: Infinity, maxStringLength: 200, maxArrayLength: 20 });
}

interface Asymmetric {
  asymmetricMatch(value: unknown): boolean;
}

function isAsymmetric(asked: unknown): asked is Asymmetric {
  return isObject(asked) && typeof asked["asymmetricMatch"] === "function";
}

/** For `inspect`: an asymmetric matcher shows itself as its author would write it. */
export function named(asked: unknown): unknown {
  if (isAsymmetric(asked)) {
    const { toAsymmetricMatcher } = asked as { toAsymmetricMatcher?: () => string };
    return shownAs(toAsymmetricMatcher ? Reflect.apply(toAsymmetricMatcher, asked, []) : "a matcher");
  }
  if (Array.isArray(asked)) return asked.map(named);
  if (!isPlain(asked)) return asked;
  return Object.fromEntries(Object.entries(asked).map(([key, one]) => [key, named(one)]));
}

function shownAs(text: string): object {
  return { [inspect.custom]: () => text };
}

/** A literal of any realm: vitest and Jest run tests in contexts of their own. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (!isObject(value) || inspect.custom in value || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}
