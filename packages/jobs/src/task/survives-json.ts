/** PostgreSQL refuses deeper values, or they overflow the stack of the code that walks them. */
const mostLevels = 2_000;

/**
 * Whether a value is the same after a round trip through JSON: plain objects and arrays of strings, finite numbers, booleans
 * and null.
 *
 * @throws RangeError for a value that is nested too deeply, or contains itself.
 */
export function survivesJson(value: unknown, levels: number = mostLevels): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      return value === null || objectSurvives(value, levels);
    default:
      return false;
  }
}

function objectSurvives(value: object, levels: number): boolean {
  if (levels === 0) throw new RangeError(`More than ${mostLevels} levels.`);
  if (hasJsonOfItsOwn(value) || hasSymbols(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  const names = Object.keys(value);
  if (!Array.isArray(value)) {
    return (
      prototype === Object.prototype &&
      names.every((name) => survivesJson((value as Record<string, unknown>)[name], levels - 1))
    );
  }
  // As many names as elements, and a value at each index: the array has no holes and no other properties.
  if (prototype !== Array.prototype || names.length !== value.length) return false;
  for (let place = 0; place < value.length; place++) if (!survivesJson(value[place], levels - 1)) return false;
  return true;
}

function hasJsonOfItsOwn(value: object): boolean {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === "function";
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).some((symbol) =>
    Object.prototype.propertyIsEnumerable.call(value, symbol),
  );
}
