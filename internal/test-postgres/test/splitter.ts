import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A relay in front of `targetUrl` that sends on every byte by itself. */
export async function startSplitter(targetUrl: string): Promise<AsyncDisposable & { url: string }> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from.setNoDelay(true));
      from.on("data", (chunk) => {
        for (let position = 0; position < chunk.length; position += 1) to.write(chunk.slice(position, position + 1));
      });
      from.on("error", () => {}).on("close", () => to.destroySoon());
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");

  const url = new URL(targetUrl);
  const address = listener.address();
  if (typeof address === "object" && address !== null) url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
