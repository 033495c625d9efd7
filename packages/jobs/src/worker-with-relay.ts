import type { Worker } from "./worker/worker.ts";
import type { Relay } from "./outbox/relay.ts";

/**
 * A worker and its relay, stopped together. Both stop at the same time, so that the worker's deadline begins at once: a relay
 * takes a while to stop if the network has gone silent.
 */
export function withRelay(worker: Worker, relay: Relay): Worker {
  const stop: Worker["stop"] = async (options) => {
    const [stopped] = await Promise.allSettled([worker.stop(options), relay.stop()]);
    if (stopped.status === "rejected") throw stopped.reason;
  };
  const finish = async () => {
    try {
      await worker.finished;
    } finally {
      await relay.stop();
    }
  };
  const finished = finish();
  // A caller need not handle `finished`: without this, its rejection would end the process.
  finished.catch(() => undefined);
  return {
    get state() {
      return worker.state;
    },
    finished,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}
