import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createProbe, type Server } from "node:net";
import type Koa from "koa";
import { createConnectionDrain } from "./drain-connections.ts";
import { portOf } from "./port-of.ts";
import { StartupError } from "../startup-error.ts";

export interface HttpServer {
  /**
   * Refuses new connections, lets running requests finish, and cuts what is left after the deadline. Every answer says
   * `Connection: close` from then on.
   */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

/** @throws {@link StartupError} `PORT_TAKEN`. */
export async function startServer(app: Koa, { host, port }: Endpoint): Promise<HttpServer> {
  const answer = app.callback();
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      void answer(request, response);
    },
  );
  const connections = createConnectionDrain(server);
  await listen(server, { host, port });

  return { stop: (options) => connections.drain(options) };
}

/**
 * Finds out before anything is started whether the port can be had, and picks a free one for port 0.
 *
 * @throws {@link StartupError} `PORT_TAKEN`.
 */
export async function choosePort({ host, port }: Endpoint): Promise<number> {
  const probe = createProbe();
  await listen(probe, { host, port });
  const chosen = portOf(probe);
  await new Promise((resolve) => probe.close(resolve));
  return chosen;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

async function listen(server: Server, { host, port }: Endpoint): Promise<void> {
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const advice: Record<string, string> = {
      EADDRINUSE: `Port ${port} is taken by another process. Stop that, or choose another port: PORT=${port + 1} npm start`,
      EACCES: `Port ${port} may not be used by this user. Choose one above 1023: PORT=3000 npm start`,
      EADDRNOTAVAIL: "HOST is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for all of its addresses.",
      ENOTFOUND: "HOST cannot be resolved. Use 127.0.0.1, or 0.0.0.0 for all addresses of this machine.",
    };
    throw new StartupError("PORT_TAKEN", advice[code] ?? `The server cannot listen on port ${port} (${code}).`, {
      cause: error,
    });
  }
}
