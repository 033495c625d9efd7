/** A copy calls itself for each level: far deeper, and there would be no stack left. */
export const deepestNesting = 1_000;

/** Something is nested deeper than {@link deepestNesting}. */
export class NestedTooDeep extends Error {}

/**
 * Copies the enumerable properties of `source`, with frozen copies of plain objects and arrays, all the way down;
 * everything else (Date, Map, user classes) is kept by reference. What is passed in stays as it is, and unfrozen.
 *
 * Defines rather than assigns, so that a key called `__proto__` stays a key.
 *
 * @throws {@link NestedTooDeep}
 */
export function copyInto(target: object, source: object, seen?: Map<object, object>, depth = 0): void {
  // Most have nothing inside that would have to be known again.
  let known = seen;
  for (const key of Reflect.ownKeys(source)) {
    if (!Object.prototype.propertyIsEnumerable.call(source, key)) continue;
    let value: unknown = Reflect.get(source, key);
    if (typeof value === "object" && value !== null && isPlain(value)) {
      known ??= new Map();
      value = known.get(value) ?? copy(value, known, depth + 1);
    }
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

function copy(value: object, seen: Map<object, object>, depth: number): object {
  if (depth > deepestNesting) throw new NestedTooDeep();
  const target: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value) as object | null);
  seen.set(value, target);
  if (Array.isArray(value)) (target as unknown[]).length = value.length;
  copyInto(target, value, seen, depth);
  return Object.freeze(target);
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object from another realm (a vm context, vitest) has a prototype of its own that is one step below null, too.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
