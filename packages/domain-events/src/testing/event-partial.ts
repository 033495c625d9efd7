/** What {@link EventPartial} may say of one property. Vitest and `@types/jest` type a matcher as any, `@jest/globals` so. */
type Asked<Value> = AsymmetricMatcher | Part<Value>;

type Part<Value> = Value extends
  Date | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ((...args: never[]) => unknown)
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]?: Asked<Value[Key]> }
    : Value;

/** A value that says itself whether another one fits, such as `expect.any(String)`. */
interface AsymmetricMatcher {
  asymmetricMatch(other: unknown): boolean;
}

/**
 * Some properties of an event. Objects inside may be partial, too; lists have to have the same length. Asymmetric
 * matchers of vitest and Jest, such as `expect.any(String)`, fit everywhere.
 */
export type EventPartial<Event> = { readonly [Key in keyof Event]?: Asked<Event[Key]> };
