/** The values of a statement that is put together from parts. */
export interface SqlValues {
  readonly values: readonly unknown[];
  /** Adds a value, and returns its placeholder. */
  put(value: unknown, type: string): string;
}

export function sqlValues(): SqlValues {
  const values: unknown[] = [];
  return { values, put: (value, type) => `$${values.push(value)}::${type}` };
}
