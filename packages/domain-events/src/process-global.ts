/** Builds with the same number share their state. A test compares it with package.json. */
export const majorVersion = 0;

const globals = globalThis as unknown as Record<symbol, unknown>;

/** One value per process and major version, even if one consumer loads the ESM build and another the CJS build. */
export function processGlobal<Value>(name: string, create: () => Value): Value {
  return (globals[processSymbol(name)] ??= create()) as Value;
}

export function processSymbol(name: string): symbol {
  return Symbol.for(`@acme/domain-events@${majorVersion}/${name}`);
}
