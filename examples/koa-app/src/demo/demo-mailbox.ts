import { EventEmitter, once } from "node:events";
import { startMailCatcher, type CaughtMail, type MailCatcher } from "../local/mail-catcher.ts";

/** A mail catcher that can leave a sender waiting for its answer. */
export interface DemoMailbox extends AsyncDisposable {
  readonly smtpUrl: string;
  /** Resolves with the first mail to an address, when it has been taken. */
  arrivalOf(address: string): Promise<CaughtMail>;
  /** From now on every mail is read to its end and not answered. The promise resolves when one is in that state. */
  hold(): Promise<void>;
  /** Refuses what is held, and answers again. */
  release(): void;
}

export async function startDemoMailbox(): Promise<DemoMailbox> {
  const events = new EventEmitter();
  let isHolding = false;
  const catcher: MailCatcher = await startMailCatcher({
    async beforeReply() {
      if (isHolding) {
        events.emit("held");
        await once(events, "release");
        throw new Error("The mail was held back.");
      }
      // The mail is in the catcher right after this.
      setImmediate(() => events.emit("arrival"));
    },
  });

  return {
    smtpUrl: catcher.smtpUrl,
    async arrivalOf(address) {
      for (;;) {
        const mail = catcher.mails().find(({ to }) => to.includes(address));
        if (mail !== undefined) return mail;
        await once(events, "arrival");
      }
    },
    async hold() {
      isHolding = true;
      await once(events, "held");
    },
    release() {
      isHolding = false;
      events.emit("release");
    },
    [Symbol.asyncDispose]: () => catcher.stop(),
  };
}
