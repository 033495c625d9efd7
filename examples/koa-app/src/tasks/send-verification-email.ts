import { defineTask, perform } from "@acme/jobs";
import type { Knex } from "knex";
import { z } from "zod";
import type { Mailer } from "../mailer/mailer.ts";
import { verificationMail } from "../mailer/verification-mail.ts";
import { findRecipient } from "../users/user-table.ts";
import { issueVerificationToken } from "../users/verification-token.ts";
import { mailRetry } from "./mail-retry.ts";

/**
 * Sends the link that verifies an address.
 *
 * The payload is an id: neither address nor token lies in a job, an outbox row or a dead letter. It has no named queue, in which
 * mails would go out one at a time.
 */
export const sendVerificationEmail = defineTask("send_verification_email", {
  payload: z.object({ userId: z.uuid() }),
  retry: mailRetry,
  timeoutMs: 30_000,
});

export function performSendVerificationEmail({ knex, mailer, publicUrl }: SendVerificationEmailNeeds) {
  return perform(sendVerificationEmail, async ({ userId }, { idempotencyKey, signal, logger }) => {
    const recipient = await findRecipient(knex, userId);
    const token = recipient && (await issueVerificationToken(knex, userId));
    // Verified since, or gone: no mail is due any more.
    if (recipient === undefined || token === undefined) return;

    const mail = verificationMail({ to: recipient.email, token, publicUrl });
    await mailer.send(mail, { messageKey: idempotencyKey, signal });
    logger.info({}, "mail sent");
  });
}

interface SendVerificationEmailNeeds {
  readonly knex: Knex;
  readonly mailer: Mailer;
  readonly publicUrl: URL;
}
