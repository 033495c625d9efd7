/** Copying recurses for each level, so far deeper nesting would overflow the stack. */
export const deepestNesting = 1_000;

/** Objects or arrays are nested deeper than {@link deepestNesting}. */
export class NestedTooDeep extends Error {}

/**
 * Copies the enumerable properties of `source`, with frozen copies of plain objects and arrays at every level.
 * Everything else (Date, Map, user classes) is kept by reference. `source` itself is neither changed nor frozen.
 *
 * Properties are defined rather than assigned, so that a key called `__proto__` stays a key.
 *
 * @throws {@link NestedTooDeep}
 */
export function copyInto(target: object, source: object, copies?: FrozenCopies): void {
  // Made only when needed: most objects have nothing inside that has to be copied.
  let inside = copies;
  for (const key of Reflect.ownKeys(source)) {
    if (!Object.prototype.propertyIsEnumerable.call(source, key)) continue;
    let value: unknown = Reflect.get(source, key);
    if (typeof value === "object" && value !== null && isPlain(value)) {
      inside ??= new FrozenCopies();
      value = inside.of(value);
    }
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

/** The copies made inside one object, so that an object that occurs twice is copied once. */
class FrozenCopies {
  readonly #known = new Map<object, object>();
  #depth = 0;

  of(value: object): object {
    return this.#known.get(value) ?? this.#copy(value);
  }

  #copy(value: object): object {
    if (this.#depth === deepestNesting) throw new NestedTooDeep();
    const target: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value) as object | null);
    this.#known.set(value, target);
    if (Array.isArray(value)) (target as unknown[]).length = value.length;
    this.#depth += 1;
    copyInto(target, value, this);
    this.#depth -= 1;
    return Object.freeze(target);
  }
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object from another realm (a vm context, vitest) has the `Object.prototype` of that realm.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
