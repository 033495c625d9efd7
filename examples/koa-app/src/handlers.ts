import { currentCorrelation, DomainEvent, type EventBus } from "@acme/domain-events";
import type { Jobs } from "@acme/jobs";
import type { Knex } from "knex";
import { EmailVerified, RegistrationAttempted, UserRegistered, VerificationRequested } from "./events.ts";
import type { Logger } from "./logging/logger.ts";
import { sendAlreadyRegisteredEmail } from "./tasks/send-already-registered-email.ts";
import { sendVerificationEmail } from "./tasks/send-verification-email.ts";

/** THE TABLE: every event, and what follows from it. */
export function registerHandlers({ bus, jobs, logger }: HandlersNeeds): void {
  bus.register(DomainEvent, function logEvent({ type, eventId }) {
    logger.info({ ...currentCorrelation(), eventType: type, eventId }, "committed");
  });

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

  // Where a welcome gift, a CRM or a metric would be told: after the commit, in this process, at most once.
  bus.register(EmailVerified, function welcomeUser({ userId }) {
    logger.info({ userId }, "a user has verified the e-mail address");
  });
}

interface HandlersNeeds {
  readonly bus: EventBus<Knex.Transaction>;
  readonly jobs: Jobs;
  readonly logger: Logger;
}
