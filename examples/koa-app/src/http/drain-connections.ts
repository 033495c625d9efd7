import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Ends the connections of a server. Otherwise they would stay for as long as their clients go on asking. */
export interface ConnectionDrain {
  /**
   * From now on every answer ends its connection, and what is idle is closed. A request of which only a part has come
   * gets up to two seconds for the rest, so that a client that sends no more cannot hold up the stop.
   *
   * Resolves when all connections have gone, or have been cut after the deadline.
   */
  drain(options: { readonly deadlineMs: number }): Promise<void>;
}

/** Has to see all requests of a server: call it before the server listens. */
export function createConnectionDrain(server: Server): ConnectionDrain {
  const unanswered = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let isDraining = false;
  server.prependListener("request", (_request, response) => {
    // Its head was on the way when the stop began.
    if (isDraining) endConnectionAfter(response);
    unanswered.add(response);
    response.once("close", () => unanswered.delete(response));
  });

  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  const cutUnfinishedRequests = () => {
    const whole = [...unanswered].filter(({ req }) => req.complete);
    const asking = new Set(whole.map(({ req }) => req.socket));
    for (const socket of sockets) if (!asking.has(socket)) socket.destroy();
  };

  return {
    async drain({ deadlineMs }) {
      isDraining = true;
      for (const response of unanswered) endConnectionAfter(response);
      const closed = new Promise((resolve) => server.close(resolve));
      // An answer whose head had gone out before could not say that its connection ends: that one is idle after it.
      const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
      const cutUnfinished = setInterval(cutUnfinishedRequests, unfinishedMs);
      const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearInterval(sweep);
      clearInterval(cutUnfinished);
      clearTimeout(cut);
    },
  };
}

/** Short against any deadline, and time enough for a client to ask once more, and be answered with the end of its connection. */
const idleSweepMs = 100;
/** For the rest of a request that is on its way when the stop begins. */
const unfinishedMs = 2_000;

// Not as a header: Koa removes all that are set when it answers an error of its own.
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}
