const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back when the signal is aborted, or at once if it is aborted already. A signal gets only one listener of ours:
 * a service may pass the same signal to all its units, and Node 20 warns about more than ten listeners.
 *
 * @returns a function that stops the wait.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  const { callbacks, call } = waitingFor.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    // Node keeps a signal of AbortSignal.any() or timeout() in memory as long as it has a listener.
    signal.removeEventListener("abort", call);
    waitingFor.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>();
  const call = (): void => {
    for (const callback of callbacks) callback();
  };
  const waiting = { callbacks, call };
  waitingFor.set(signal, waiting);
  signal.addEventListener("abort", call, { once: true });
  return waiting;
}

interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly call: () => void;
}
