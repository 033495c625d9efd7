import { connect } from "node:net";
import { MessageForwarder, type MessageForwarderOptions } from "./message-forwarder.ts";

export interface ProxyConnectionOptions extends Omit<MessageForwarderOptions, "server"> {
  target: { host: string; port: number };
  /** Called when both sides have closed it. */
  onClosed: () => void;
}

export interface ProxyConnection {
  /** Ends the connection on both sides. */
  cut(): void;
  /** Nothing arrives any more on either side, not even the end of the connection. */
  forget(): void;
}

/** Connects a client to the target, and forwards the data and the end of the connection in both directions. */
export function openProxyConnection({
  client,
  target,
  takeFault,
  onClosed,
  ...network
}: ProxyConnectionOptions): ProxyConnection {
  let isForgotten = false;
  const deliver = (what: () => void) => network.deliver(() => isForgotten || what());
  const server = connect(target);
  const messages = new MessageForwarder({ client, server, takeFault, deliver });

  client.setNoDelay(true).on("data", (chunk) => deliver(() => messages.fromClient(toBuffer(chunk))));
  server.setNoDelay(true).on("data", (chunk) => deliver(() => messages.fromServer(toBuffer(chunk))));
  // An error is always followed by the end of the connection, which the other side is told.
  client.on("error", () => {}).on("close", () => deliver(() => server.destroySoon()));
  server.on("error", () => {}).on("close", () => deliver(() => client.destroySoon()));
  client.on("close", () => server.closed && onClosed());
  server.on("close", () => client.closed && onClosed());
  return {
    cut: () => messages.cut(),
    forget() {
      isForgotten = true;
    },
  };
}

function toBuffer(chunk: Buffer | string): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
