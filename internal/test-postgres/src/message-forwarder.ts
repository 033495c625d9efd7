import type { Socket } from "node:net";
import { createCommitDetector } from "./commit-detector.ts";
import type { CommitFault } from "./commit-fault.ts";
import { ConnectionStartup } from "./connection-startup.ts";
import { createMessageStream, type Message } from "./message-stream.ts";

export interface MessageForwarderOptions {
  client: Socket;
  server: Socket;
  /** Takes the fault for the next COMMIT of any connection. The forwarder that takes it carries it out. */
  takeFault: () => CommitFault | undefined;
  /** Handles data that arrived: now, or later if the network is silent. */
  deliver: (what: () => void) => void;
}

/** Forwards one client's messages to the server and back, and carries out the fault at a COMMIT. */
export class MessageForwarder {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #takeFault: MessageForwarderOptions["takeFault"];
  readonly #deliver: MessageForwarderOptions["deliver"];
  readonly #startup = new ConnectionStartup();
  readonly #executesCommit = createCommitDetector();
  readonly #readClient = createMessageStream(() => this.#startup.isUnderway);
  readonly #readServer = createMessageStream(() => false);
  /** Both counts are of ReadyForQuery, of which each request gets one. They tell which reply is that of a COMMIT. */
  #askedCount = 0;
  #answeredCount = 0;
  #cutBefore: CommitFault | undefined;
  #onReply: { fault: CommitFault; position: number } | undefined;
  #heldBack: Buffer[] | undefined;

  constructor({ client, server, takeFault, deliver }: MessageForwarderOptions) {
    this.#client = client;
    this.#server = server;
    this.#takeFault = takeFault;
    this.#deliver = deliver;
  }

  fromClient(chunk: Buffer): void {
    this.#server.cork();
    for (const message of this.#readClient(chunk)) {
      if (this.#cutBefore !== undefined) break;
      const fault = this.#onReply === undefined && this.#executesCommit(message) ? this.#takeFault() : undefined;
      if (fault?.kind === "cut-before") {
        this.#cutBefore = fault;
        break;
      }
      if (fault !== undefined) this.#onReply = { fault, position: this.#askedCount };
      this.#server.write(message.bytes);
      this.#count(message);
    }
    this.#server.uncork();
    this.#cutWhenAnswered();
  }

  fromServer(chunk: Buffer): void {
    this.#client.cork();
    const refusals = this.#startup.takeRefusals(chunk);
    if (refusals.length > 0) this.#client.write(refusals);
    for (const { type, bytes } of this.#readServer(chunk.subarray(refusals.length))) {
      if (this.#onReply?.position === this.#answeredCount) this.#heldBack ??= [];
      if (this.#heldBack === undefined) this.#client.write(bytes);
      else this.#heldBack.push(bytes);
      if (type === "Z") this.#completeAnswer();
    }
    this.#client.uncork();
    this.#cutWhenAnswered();
  }

  /** The client still gets the data that was sent to it before, and then the end of the connection. */
  cut(): void {
    this.#server.destroy();
    this.#client.destroySoon();
  }

  #count(message: Message): void {
    const isAnswered = message.type === "" ? this.#startup.note(message) : "QSF".includes(message.type);
    if (isAnswered) this.#askedCount += 1;
  }

  /** Requests before the COMMIT are answered first, so that the client lacks nothing but the answer to COMMIT. */
  #cutWhenAnswered(): void {
    if (this.#cutBefore === undefined || this.#answeredCount < this.#askedCount) return;
    this.cut();
    this.#cutBefore.happened.resolve();
  }

  #completeAnswer(): void {
    const isReplyToCommit = this.#onReply?.position === this.#answeredCount;
    this.#answeredCount += 1;
    if (this.#onReply === undefined || !isReplyToCommit) return;
    const { kind, happened, released } = this.#onReply.fault;
    if (kind === "drop-reply") this.cut();
    else void released.promise.then(() => this.#deliver(() => this.#letGo()));
    happened.resolve();
  }

  #letGo(): void {
    for (const bytes of this.#heldBack ?? []) this.#client.write(bytes);
    this.#heldBack = undefined;
    this.#onReply = undefined;
  }
}
