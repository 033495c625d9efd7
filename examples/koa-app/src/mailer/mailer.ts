import { createTransport } from "nodemailer";
import { toMailError } from "./mail-error.ts";
import { withRequiredTls } from "./required-tls.ts";

/** A mail to one person. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailer {
  /**
   * Hands a mail to the SMTP server. When the promise resolves the server has taken responsibility for it.
   *
   * @param messageKey the same for every attempt at the same mail: it becomes its Message-ID, by which mail programs show a mail
   * once that arrived twice.
   * @throws {@link MailError} without the address or the answer of the server in it.
   */
  send(mail: Mail, options: { readonly messageKey: string; readonly signal: AbortSignal }): Promise<void>;
  close(): void;
}

export function createMailer({ smtpUrl, from, publicUrl }: MailerOptions): Mailer {
  const transport = createTransport({
    url: withRequiredTls(smtpUrl),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 15_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  return {
    async send(mail, { messageKey, signal }) {
      signal.throwIfAborted();
      const messageId = `<${messageKey}@${publicUrl.hostname}>`;
      const to = { name: "", address: mail.to };
      await transport.sendMail({ from, messageId, ...mail, to, signal }).catch((error: unknown) => {
        throw signal.aborted ? signal.reason : toMailError(error);
      });
    },
    close: () => transport.close(),
  };
}

export interface MailerOptions {
  readonly smtpUrl: string;
  readonly from: string;
  readonly publicUrl: URL;
}
