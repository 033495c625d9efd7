import { DomainEventsError } from "../errors.ts";

/**
 * An event is an instance of a class.
 *
 * @throws {@link DomainEventsError} `EVENT_INVALID` for a plain object, an array, the class itself, and anything but an
 * object.
 */
export function assertEvent(event: unknown): asserts event is object {
  assertEventPrototype(prototypeOf(event));
}

/** The prototype of an event; `undefined` if the value is no object, or a revoked proxy. */
export function prototypeOf(event: unknown): object | null | undefined {
  if (typeof event !== "object" || event === null) return undefined;
  try {
    return Object.getPrototypeOf(event) as object | null;
  } catch {
    return undefined;
  }
}

/** @throws {@link DomainEventsError} `EVENT_INVALID` */
export function assertEventPrototype(prototype: object | null | undefined): asserts prototype is object {
  if (prototype && !isBuiltIn(prototype)) return;
  throw new DomainEventsError(
    "EVENT_INVALID",
    "An event is an instance of a class: publish(new UserRegistered({ … })), where UserRegistered extends defineEvent(…).",
  );
}

/** Whether it is the prototype of plain objects or of arrays, of any realm. */
function isBuiltIn(prototype: object): boolean {
  return Object.hasOwn(prototype, "isPrototypeOf") || (Array.isArray(prototype) && Object.hasOwn(prototype, "concat"));
}
