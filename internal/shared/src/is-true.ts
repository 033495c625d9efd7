/** Whether a boolean of the database is true. The application may have told its driver not to parse booleans. */
export function isTrue(value: unknown): boolean {
  return value === true || value === "t" || value === "true" || value === 1;
}
