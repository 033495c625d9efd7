import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import PostalMime from "postal-mime";
import { portOf } from "../http/port-of.ts";
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";

/** A mail that went no further than here. */
export interface CaughtMail {
  readonly id: number;
  readonly receivedAt: Date;
  readonly messageId: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string | undefined;
}

/** An SMTP server that keeps what it gets, for people who develop. */
export interface MailCatcher extends AsyncDisposable {
  readonly smtpUrl: string;
  /** The newest first. */
  mails(): readonly CaughtMail[];
  find(id: number): CaughtMail | undefined;
  stop(): Promise<void>;
}

/** Starts an SMTP server on a free port of 127.0.0.1. It keeps the last `keepCount` mails in memory and sends nothing on. */
export async function startMailCatcher({
  keepCount = 200,
  beforeReply,
}: MailCatcherOptions = {}): Promise<MailCatcher> {
  let mails: readonly CaughtMail[] = [];
  // Not from 1: a page that was open before a restart asks for what is newer than the mails it shows.
  let lastId = Date.now();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    size: 1_000_000,
    closeTimeout: 500,
    onData: (stream, session, reply) => {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      receive(stream, recipients).then(
        () => reply(),
        (error: unknown) => reply(error instanceof Error ? error : new Error("The mail was not taken.")),
      );
    },
  });
  // A client that vanishes in the middle of a mail is no concern of the catcher.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");

  return {
    smtpUrl: `smtp://127.0.0.1:${portOf(server.server)}`,
    mails: () => mails,
    find: (id) => mails.find((mail) => mail.id === id),
    stop,
    [Symbol.asyncDispose]: stop,
  };

  async function receive(stream: SMTPServerDataStream, recipients: readonly string[]): Promise<void> {
    const mail = await readMail(stream, recipients);
    await beforeReply?.(mail);
    lastId += 1;
    mails = [{ ...mail, id: lastId }, ...mails].slice(0, keepCount);
  }

  function stop(): Promise<void> {
    return new Promise((resolve) => server.close(() => resolve()));
  }
}

export interface MailCatcherOptions {
  readonly keepCount?: number;
  /** Runs between the last byte of a mail and the answer to it. What it throws is the answer: `responseCode` and message. */
  readonly beforeReply?: (mail: Omit<CaughtMail, "id">) => Promise<void> | void;
}

async function readMail(stream: SMTPServerDataStream, recipients: readonly string[]): Promise<Omit<CaughtMail, "id">> {
  const mail = await PostalMime.parse(await buffer(stream));
  return {
    receivedAt: new Date(),
    messageId: mail.messageId ?? "",
    from: mail.from?.address ?? "",
    to: recipients,
    subject: mail.subject ?? "(no subject)",
    text: mail.text ?? "",
    html: mail.html,
  };
}
