import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A mail that the service was asked to send. */
export interface Mail {
  readonly orderId: string;
  readonly requestId: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** The service that an example sends its receipts to. It may be held, so that a job is seen in its middle. */
export interface MailService extends AsyncDisposable {
  readonly url: string;
  readonly mails: readonly Mail[];
  hold(): void;
  release(): void;
}

export async function startMailService(): Promise<MailService> {
  const mails: Mail[] = [];
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    mails.push(await readMail(request));
    await gate.promise;
    response.writeHead(202).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    hold: () => void (gate = Promise.withResolvers<void>()),
    release: () => gate.resolve(),
    async [Symbol.asyncDispose]() {
      gate.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readMail(request: IncomingMessage): Promise<Mail> {
  const header = (name: string) => request.headers[name] as string | undefined;
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { orderId } = JSON.parse(body) as { readonly orderId: string };
  return { orderId, requestId: header("x-request-id"), idempotencyKey: header("idempotency-key") };
}
