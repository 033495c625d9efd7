/** What {@link EventPartial} may say of one property. */
type Asked<Value> = Value extends
  Date | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ((...args: never[]) => unknown)
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]?: Asked<Value[Key]> }
    : Value;

/**
 * Some properties of an event. Objects inside may be partial, too; lists have to have the same length. Asymmetric
 * matchers of vitest and Jest, such as `expect.any(String)`, fit everywhere.
 */
export type EventPartial<Event> = { readonly [Key in keyof Event]?: Asked<Event[Key]> };
