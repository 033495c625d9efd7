import type { Message } from "./message-stream.ts";

const sslRequest = 80_877_103;
const gssEncryptionRequest = 80_877_104;

/** The first messages of a connection, which have no type: requests for encryption, then the startup message. */
export class ConnectionStartup {
  #isUnderway = true;
  #encryptionRequests = 0;

  get isUnderway(): boolean {
    return this.#isUnderway;
  }

  /** @returns whether the server answers the message with a ReadyForQuery. It does not for a request for encryption. */
  note({ body }: Message): boolean {
    const code = body.readInt32BE(0);
    this.#isUnderway = code === sslRequest || code === gssEncryptionRequest;
    if (this.#isUnderway) this.#encryptionRequests += 1;
    return !this.#isUnderway;
  }

  /** The server refuses encryption with one byte that is no message. */
  takeRefusals(chunk: Buffer): Buffer {
    const length = Math.min(this.#encryptionRequests, chunk.length);
    this.#encryptionRequests -= length;
    return chunk.subarray(0, length);
  }
}
