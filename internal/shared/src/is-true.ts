/** Whether a boolean of the database is true: an application may have told its driver to leave them as the server writes them. */
export function isTrue(value: unknown): boolean {
  return value === true || value === "t" || value === "true" || value === 1;
}
