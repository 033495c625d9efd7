import type { Worker } from "./worker/worker.ts";
import type { Relay } from "./outbox/relay.ts";

/** One thing to stop. The worker's deadline begins at once: a relay on a network that has gone silent takes a while to stop. */
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
  // Nobody has to wait for it.
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
