import { defineTask, perform } from "@acme/jobs";
import type { Knex } from "knex";
import { z } from "zod";
import { alreadyRegisteredMail } from "../mailer/already-registered-mail.ts";
import type { Mailer } from "../mailer/mailer.ts";
import { findRecipient } from "../users/user-table.ts";
import { mailRetry } from "./mail-retry.ts";

/** Tells the owner of a verified address that somebody tried to register it. */
export const sendAlreadyRegisteredEmail = defineTask("send_already_registered_email", {
  payload: z.object({ userId: z.uuid() }),
  retry: mailRetry,
  timeoutMs: 30_000,
});

export function performSendAlreadyRegisteredEmail({ knex, mailer }: { knex: Knex; mailer: Mailer }) {
  return perform(sendAlreadyRegisteredEmail, async ({ userId }, { idempotencyKey, signal, logger }) => {
    const recipient = await findRecipient(knex, userId);
    if (recipient === undefined) return;

    await mailer.send(alreadyRegisteredMail({ to: recipient.email }), { messageKey: idempotencyKey, signal });
    logger.info({}, "mail sent");
  });
}
