/** Settles like the promise, or rejects with an error that says what did not happen in time. */
export async function within<Value>(ms: number, promise: Promise<Value>, complaint: () => string): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(complaint())), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
