/** The names of all properties, checked against the type. */
export function namesOf<Options>(names: Readonly<Record<keyof Options, true>>): readonly string[] {
  return Object.keys(names);
}

/**
 * Finds an option that does not exist. A misspelt name would silently leave the default in place: the type checker finds it only
 * in a literal.
 *
 * @param what - What the options belong to. The message begins with it.
 * @returns the message of the error, or `undefined`.
 */
export function unknownOption(what: string, options: object, known: readonly string[]): string | undefined {
  const name = Object.keys(options).find((each) => !known.includes(each));
  if (name === undefined) return undefined;
  return `${what} has no option "${name.slice(0, 64)}". It has ${known.map((each) => `"${each}"`).join(", ")}.`;
}
