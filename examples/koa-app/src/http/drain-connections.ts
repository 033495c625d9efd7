import type { Server, ServerResponse } from "node:http";

/** The end of a server's connections, which else would stay for as long as their clients go on asking. */
export interface ConnectionDrain {
  /**
   * From now on every answer ends its connection, and what is idle is closed.
   *
   * Resolves when all connections have gone, or have been cut after the deadline.
   */
  drain(options: { readonly deadlineMs: number }): Promise<void>;
}

/** Has to see all requests of a server: call it before the server listens. */
export function createConnectionDrain(server: Server): ConnectionDrain {
  const unanswered = new Set<ServerResponse>();
  let isDraining = false;
  server.prependListener("request", (_request, response) => {
    // Its head was on the way when the stop began.
    if (isDraining) endConnectionAfter(response);
    unanswered.add(response);
    response.once("close", () => unanswered.delete(response));
  });

  return {
    async drain({ deadlineMs }) {
      isDraining = true;
      for (const response of unanswered) endConnectionAfter(response);
      const closed = new Promise((resolve) => server.close(resolve));
      // An answer whose head had gone out before could not say that its connection ends: that one is idle after it.
      const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

/** Short against any deadline, and time enough for a client to ask once more, and be answered with the end of its connection. */
const idleSweepMs = 100;

// Not as a header: Koa removes all that are set when it answers an error of its own.
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}
