const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back when the signal is aborted, at once where it is. A signal has one listener of ours, however many wait for it: a service may give the same to
 * all its units, and Node 20 warns of more than ten.
 *
 * @returns waits no longer.
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
    // Node keeps a signal of AbortSignal.any() or timeout() for as long as somebody listens to it.
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
