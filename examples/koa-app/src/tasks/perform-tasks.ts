import type { PerformableTask } from "@acme/jobs";
import type { Knex } from "knex";
import type { Mailer } from "../mailer/mailer.ts";
import { performSendAlreadyRegisteredEmail } from "./send-already-registered-email.ts";
import { performSendVerificationEmail } from "./send-verification-email.ts";

/** Every task, with its code. */
export function performTasks({ knex, mailer, publicUrl }: TasksNeeds): readonly PerformableTask[] {
  return [
    performSendVerificationEmail({ knex, mailer, publicUrl }),
    performSendAlreadyRegisteredEmail({ knex, mailer }),
  ];
}

interface TasksNeeds {
  readonly knex: Knex;
  readonly mailer: Mailer;
  readonly publicUrl: URL;
}
