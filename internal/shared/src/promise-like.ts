export function isPromiseLike<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** Calls `goOn` with the value: at once, or when the promise has resolved. */
export function whenKnown<Value, Result>(
  value: Value | PromiseLike<Value>,
  goOn: (value: Value) => Result | PromiseLike<Result>,
): Result | PromiseLike<Result> {
  return isPromiseLike(value) ? value.then(goOn) : goOn(value);
}
