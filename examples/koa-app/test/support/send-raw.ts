import { once } from "node:events";
import { createConnection } from "node:net";
import { text } from "node:stream/consumers";

/** Sends one request as it stands here, where no client would send it, and returns the whole answer. */
export async function sendRaw(url: string, head: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  socket.write([...head, "Connection: close", "", ""].join("\r\n"));
  return await text(socket);
}
