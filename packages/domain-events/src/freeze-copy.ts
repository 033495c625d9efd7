/**
 * A frozen copy of plain objects and arrays, all the way down; everything else (Date, Map, user classes) is kept by
 * reference. The value passed in stays as it is, and unfrozen.
 */
export function freezeCopy<Value>(value: Value): Value {
  return copy(value, new Map()) as Value;
}

/** Defines rather than assigns, so that a key called `__proto__` stays a key. */
export function copyInto(target: object, source: object, seen = new Map<object, object>()): void {
  for (const key of Reflect.ownKeys(source)) {
    if (!Object.prototype.propertyIsEnumerable.call(source, key)) continue;
    const value = copy(Reflect.get(source, key), seen);
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

function copy(value: unknown, seen: Map<object, object>): unknown {
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  const known = seen.get(value);
  if (known) return known;

  const target: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value) as object | null);
  seen.set(value, target);
  if (Array.isArray(value)) (target as unknown[]).length = value.length;
  copyInto(target, value, seen);
  return Object.freeze(target);
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object from another realm (a vm context, vitest) has a prototype of its own that is one step below null, too.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
