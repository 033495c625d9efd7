import type { Worker } from "../worker/worker.ts";
import type { Relay } from "./relay.ts";

/** One thing to stop: first no more jobs come, then those that run are finished. */
export function withRelay(worker: Worker, relay: Relay): Worker {
  const stop: Worker["stop"] = async (options) => {
    await relay.stop();
    await worker.stop(options);
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
