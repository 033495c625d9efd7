import { DomainEvent, type EventBus } from "@acme/domain-events";
import type { Jobs } from "@acme/jobs";
import type { Knex } from "knex";
import { EmailVerified, RegistrationAttempted, UserRegistered, VerificationRequested } from "./events.ts";
import type { Logger } from "./logging/logger.ts";
import { sendAlreadyRegisteredEmail } from "./tasks/send-already-registered-email.ts";
import { sendVerificationEmail } from "./tasks/send-verification-email.ts";

/** THE TABLE: every event, and what follows from it. */
export function registerHandlers({ bus, jobs, logger }: HandlersNeeds): void {
  bus.register(DomainEvent, logEvent);
  bus.register(
    UserRegistered,
    jobs.durable(sendVerificationEmail, ({ userId }) => ({ userId })),
  );
  bus.register(
    VerificationRequested,
    jobs.durable(sendVerificationEmail, ({ userId }) => ({ userId })),
  );
  bus.register(
    RegistrationAttempted,
    jobs.durable(sendAlreadyRegisteredEmail, ({ userId }) => ({ userId })),
  );
  bus.register(EmailVerified, welcomeUser);

  function logEvent({ type, eventId }: DomainEvent & { type?: string }): void {
    logger.info({ eventType: type, eventId }, "committed");
  }

  // Where a welcome gift, a CRM or a metric would be told. After the commit, in this process, at most once.
  function welcomeUser({ userId }: EmailVerified): void {
    logger.info({ userId }, "a user has verified the e-mail address");
  }
}

interface HandlersNeeds {
  readonly bus: EventBus<Knex.Transaction>;
  readonly jobs: Jobs;
  readonly logger: Logger;
}
