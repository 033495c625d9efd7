/**
 * A date that cannot be changed, because handlers share their event and `Object.freeze` does not freeze the time inside
 * a date. In every other way it is a plain `Date`, and its `constructor` is `Date`. So comparing and cloning work as
 * usual, and so do libraries that make a new date with the same constructor.
 */
class FixedDate extends Date {
  constructor(timeMs: number) {
    super(timeMs);
    Object.freeze(this);
  }
}

function refuse(): never {
  throw new TypeError("The occurredAt of an event cannot be changed. Change a copy: new Date(event.occurredAt).");
}

for (const name of Object.getOwnPropertyNames(Date.prototype)) {
  if (name.startsWith("set")) Object.defineProperty(FixedDate.prototype, name, { value: refuse });
}
Object.defineProperty(FixedDate.prototype, "constructor", { value: Date });

/** Reads the clock at each call, since a test may have replaced it. */
export function fixedNow(): Date {
  return new FixedDate(Date.now());
}
