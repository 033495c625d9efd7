import { connect, type Socket } from "node:net";
import { createCommitDetector } from "./commit-detector.ts";
import type { CommitFault } from "./commit-fault.ts";
import { createMessageStream, type Message } from "./message-stream.ts";

const sslRequest = 80_877_103;
const gssEncryptionRequest = 80_877_104;

export interface ProxyConnectionOptions {
  client: Socket;
  target: { host: string; port: number };
  /** The fault that waits for the next COMMIT of any connection; whoever takes it carries it out. */
  takeFault: () => CommitFault | undefined;
  /** Called when both sides have closed it. */
  onClosed: () => void;
  /** Runs what arrived, now or, when the network is silent, later. */
  deliver: (what: () => void) => void;
}

export interface ProxyConnection {
  /** Ends it on both sides. */
  cut(): void;
  /** Nothing arrives any more on either side, not even its end. */
  forget(): void;
}

/** Carries one client's messages to the server and back, and does to a COMMIT what it is told. */
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
  const executesCommit = createCommitDetector();
  const readClient = createMessageStream(() => isStartingUp);
  const readServer = createMessageStream(() => false);
  let isStartingUp = true;
  let encryptionRequests = 0;
  /** Both count what the server answers with one ReadyForQuery: that tells which reply is a COMMIT's. */
  let askedCount = 0;
  let answeredCount = 0;
  let cutBefore: CommitFault | undefined;
  let onReply: { fault: CommitFault; position: number } | undefined;
  let heldBack: Buffer[] | undefined;

  function fromClient(chunk: Buffer): void {
    server.cork();
    for (const message of readClient(chunk)) {
      if (cutBefore !== undefined) break;
      const fault = onReply === undefined && executesCommit(message) ? takeFault() : undefined;
      if (fault?.kind === "cut-before") {
        cutBefore = fault;
        break;
      }
      if (fault !== undefined) onReply = { fault, position: askedCount };
      server.write(message.bytes);
      count(message);
    }
    server.uncork();
    cutWhenAnswered();
  }

  function count({ type, body }: Message): void {
    if (type !== "") {
      if ("QSF".includes(type)) askedCount += 1;
      return;
    }
    const code = body.readInt32BE(0);
    isStartingUp = code === sslRequest || code === gssEncryptionRequest;
    if (isStartingUp) encryptionRequests += 1;
    else askedCount += 1;
  }

  /** What was asked before the COMMIT is answered first: the client knows everything but the fate of the COMMIT. */
  function cutWhenAnswered(): void {
    if (cutBefore === undefined || answeredCount < askedCount) return;
    cut();
    cutBefore.happened.resolve();
  }

  function fromServer(chunk: Buffer): void {
    client.cork();
    for (const { type, bytes } of readServer(withoutEncryptionAnswer(chunk))) {
      if (onReply?.position === answeredCount) heldBack ??= [];
      if (heldBack === undefined) client.write(bytes);
      else heldBack.push(bytes);
      if (type === "Z") completeAnswer();
    }
    client.uncork();
    cutWhenAnswered();
  }

  /** The server refuses encryption with one byte that is no message. */
  function withoutEncryptionAnswer(chunk: Buffer): Buffer {
    const length = Math.min(encryptionRequests, chunk.length);
    encryptionRequests -= length;
    if (length > 0) client.write(chunk.subarray(0, length));
    return chunk.subarray(length);
  }

  function completeAnswer(): void {
    const isReplyToCommit = onReply?.position === answeredCount;
    answeredCount += 1;
    if (onReply === undefined || !isReplyToCommit) return;
    const { kind, happened, released } = onReply.fault;
    if (kind === "drop-reply") cut();
    else void released.promise.then(() => deliver(letGo));
    happened.resolve();
  }

  function letGo(): void {
    for (const bytes of heldBack ?? []) client.write(bytes);
    heldBack = undefined;
    onReply = undefined;
  }

  /** The client gets what was sent to it before, then the end of the connection. */
  function cut(): void {
    server.destroy();
    client.destroySoon();
  }

  client.setNoDelay(true).on("data", (chunk) => deliver(() => fromClient(toBuffer(chunk))));
  server.setNoDelay(true).on("data", (chunk) => deliver(() => fromServer(toBuffer(chunk))));
  // An error is always followed by the end of the connection, which the other side is told.
  client.on("error", () => {}).on("close", () => deliver(() => server.destroySoon()));
  server.on("error", () => {}).on("close", () => deliver(() => client.destroySoon()));
  client.on("close", () => server.closed && onClosed());
  server.on("close", () => client.closed && onClosed());
  return {
    cut,
    forget() {
      isForgotten = true;
    },
  };
}

function toBuffer(chunk: Buffer | string): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
