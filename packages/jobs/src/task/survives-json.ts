/** Deeper ones are refused by PostgreSQL or overflow the stack of whoever looks at them. */
const mostLevels = 2_000;

/**
 * Whether JSON gives back what it was given: plain objects and arrays of texts, finite numbers, booleans and null.
 *
 * @throws RangeError for what is nested too deeply, or in itself.
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
  // As many names as there are places, and a value in each place: no holes, and nothing beside them.
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
