import { types } from "node:util";

/** What `expect.any()`, `expect.stringContaining()` and the like return, in vitest and in Jest. */
interface AsymmetricMatcher {
  asymmetricMatch(actual: unknown): boolean;
}

/** Whether everything that is expected is there. Objects may have more; arrays may not. */
export function fits(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return actual === expected;
  if (isAsymmetric(expected)) return expected.asymmetricMatch(actual);
  if (types.isDate(expected)) return types.isDate(actual) && actual.getTime() === expected.getTime();
  if (typeof actual !== "object" || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false;
  if (Array.isArray(expected) && expected.length !== (actual as readonly unknown[]).length) return false;
  return Object.entries(expected).every(([name, value]) => fits((actual as Record<string, unknown>)[name], value));
}

function isAsymmetric(expected: object): expected is AsymmetricMatcher {
  return "asymmetricMatch" in expected && typeof expected.asymmetricMatch === "function";
}
