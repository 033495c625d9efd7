import type { Server, ServerResponse } from "node:http";

/** Short against any deadline. */
const sweepMs = 100;

/**
 * From now on every answer ends its connection, and idle connections are closed: clients that keep their connections would hold up
 * the close of the server. What is left at the deadline is cut.
 *
 * @returns a function to call when the server is closed.
 */
export function drainHttp(server: unknown, deadlineMs: number): () => void {
  if (!isHttpServer(server)) return () => {};
  server.prependListener("request", (_request: unknown, response: ServerResponse) => {
    response.shouldKeepAlive = false;
  });
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
  return () => {
    clearInterval(sweep);
    clearTimeout(cut);
  };
}

/** An application without HTTP has none, and one with HTTP/2 has a server that closes its sessions by itself. */
function isHttpServer(server: unknown): server is Server {
  return typeof server === "object" && server !== null && "closeIdleConnections" in server;
}
