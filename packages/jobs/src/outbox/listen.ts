import { setTimeout as pause } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { guardClient } from "../database/connect-idle.ts";
import { promptlyMs, sendWithTimeout } from "../database/query-timeout.ts";

const reconnectMs = 1_000;

/**
 * Calls back for every notification on the channel, over a connection of its own that is opened again when it is lost.
 * A notification sent while there is no connection is missed: polling is the net.
 */
export function listen(pool: Pool, channel: string, onNotification: () => void): { stop(): Promise<void> } {
  const stopping = new AbortController();

  const listenOnce = async () => {
    const client = await pool.connect();
    guardClient(client);
    const lost = waitForEnd(client, stopping.signal);
    client.on("notification", onNotification);
    try {
      await sendWithTimeout({ pool, client }, { text: `listen ${channel}` }, promptlyMs);
      // What was written before the connection stood has been announced to nobody.
      onNotification();
      await lost;
    } finally {
      client.removeListener("notification", onNotification);
      client.release(true);
    }
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      await listenOnce().catch(() => undefined);
      await pause(reconnectMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const finished = loop();

  return {
    async stop() {
      stopping.abort();
      await finished;
    },
  };
}

async function waitForEnd(client: PoolClient, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  // While the connection was being made.
  if (signal.aborted) end();
  client.once("error", end);
  client.once("end", end);
  signal.addEventListener("abort", end, { once: true });
  await promise;
  // The signal outlives many connections.
  signal.removeEventListener("abort", end);
}
