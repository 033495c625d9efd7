import { connect as openSocket, createServer, type AddressInfo, type Socket } from "node:net";

export interface FarProxy extends AsyncDisposable {
  readonly url: string;
  /** Whether new connections are taken, and never answered. */
  swallow(isOn: boolean): void;
  readonly swallowedCount: number;
  /** Whether new connections are ended by the server in the moment in which they are ready. */
  endAtReady(isOn: boolean): void;
  readonly endedCount: number;
}

const readyForQuery = Buffer.from("Z\0\0\0\u0005I", "latin1");
/** What a backend says that an administrator has ended. */
const terminated = message("E", "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");

function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body, "latin1")]);
}

/** A TCP proxy on which everything takes its time, in each direction. */
export async function startFarProxy(targetUrl: string, oneWayMs: number): Promise<FarProxy> {
  const { hostname, port } = new URL(targetUrl);
  const later = (what: () => void) => void setTimeout(what, oneWayMs);
  const open = new Set<Socket>();
  let isSwallowing = false;
  let swallowedCount = 0;
  let isEnding = false;
  let endedCount = 0;
  const listener = createServer((client) => {
    open.add(client.on("error", () => undefined));
    if (isSwallowing) {
      swallowedCount += 1;
      client.resume();
      return;
    }
    const server = openSocket({ host: hostname, port: Number(port) });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.setNoDelay(true).on("error", () => undefined);
      one.on("close", () => later(() => other.destroy()));
    }
    client.on("data", (chunk) => later(() => server.write(chunk)));
    let isReady = false;
    server.on("data", (chunk: Buffer) => {
      const wasReady = isReady;
      isReady ||= chunk.subarray(-readyForQuery.length).equals(readyForQuery);
      if (!isEnding || wasReady || !isReady) {
        later(() => client.write(chunk));
        return;
      }
      endedCount += 1;
      // In one piece: there is no moment between.
      later(() => client.end(Buffer.concat([chunk, terminated])));
    });
  });
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: url.href,
    swallow(isOn) {
      isSwallowing = isOn;
    },
    endAtReady(isOn) {
      isEnding = isOn;
    },
    get endedCount() {
      return endedCount;
    },
    get swallowedCount() {
      return swallowedCount;
    },
    async [Symbol.asyncDispose]() {
      for (const client of open) client.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
