import { retry, type RetryPolicy } from "@acme/jobs";
import { isTlsTrouble } from "../mailer/mail-error.ts";

/** That of the network, and also for a server whose TLS can be mended while its mails wait. */
export const mailRetry: RetryPolicy = {
  ...retry.network,
  isRetryable: (error) => retry.network.isRetryable(error) || isTlsTrouble(error),
};
