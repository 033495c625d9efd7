/**
 * A date that cannot be set: handlers share their event, and freezing does not reach the time inside a date. To
 * everything else it is a plain `Date`, with that for its constructor, so that comparing, cloning and libraries that make
 * a date of the same kind do what they do with any other.
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

/** Asks the clock of the moment, which may be one of a test. */
export function fixedNow(): Date {
  return new FixedDate(Date.now());
}
