// The reader's world: what short examples may use without saying where it comes from. It is compiled, never run.
import {
  AggregateRoot,
  defineEvent,
  type DurableStore,
  type EventBus,
  props,
  type UnitOfWork,
} from "@acme/domain-events";
import { defineTask, type Jobs, perform, retry } from "@acme/jobs";
import { type Knex, knex as createKnex } from "knex";
import type { Logger } from "pino";
import { z } from "zod";

export { default as pg, Pool } from "pg";
export type { Knex } from "knex";
export { expect, it } from "vitest";
export { z } from "zod";

// Where it connects, and what it connects with.
export declare const connection: string;
export declare const connectionString: string;
// Called with a configuration in one example, used as what that makes in another.
export declare const knex: typeof createKnex & Knex;
export declare const pool: import("pg").Pool;
export declare const appPool: import("pg").Pool;

// The application's own parts.
export declare const bus: EventBus<Knex.Transaction>;
export declare const unitOfWork: UnitOfWork<Knex.Transaction>;
export declare const jobs: Jobs;
export declare const store: DurableStore;
export declare const logger: Logger;
export declare const log: (...words: unknown[]) => void;

// Users: an aggregate and its events.
export class UserRegistered extends defineEvent("user.registered", props<{ userId: string; email: string }>()) {}
export class UserRenamed extends defineEvent("user.renamed", props<{ userId: string }>()) {}
export class CartEmptied extends defineEvent("cart.emptied") {}

export declare class User extends AggregateRoot {
  static register(email: string, passwordHash?: string): User;
  readonly id: string;
  name: string;
  toRow(): { id: string; email: string };
}

export declare const user: User;
export declare const userId: string;
export declare const email: string;
export declare function registerUser(unitOfWork: UnitOfWork<unknown>, email: string): Promise<User>;

// Orders: tasks and their code.
export const sendReceipt = defineTask("send_receipt", {
  payload: z.object({ orderId: z.uuid() }),
  retry: retry.network,
});
export const sendVerificationEmail = defineTask("send_verification_email", {
  payload: z.object({ userId: z.uuid() }),
  retry: retry.network,
});

// Reports, every night.
export const sendReport = defineTask("send_report", { payload: z.object({ until: z.string() }) });
export declare function sendReportUntil(until: string): Promise<void>;

export class GatewayTimeoutError extends Error {}

export declare const mailer: {
  send(mail: { to: string; text: string }, options?: { signal?: AbortSignal }): Promise<void>;
  sendReceipt(orderId: string, options?: { signal?: AbortSignal }): Promise<void>;
};
export declare const mailbox: readonly { readonly to: string }[];
export const performSendReceipt = perform(sendReceipt, ({ orderId }, { signal }) =>
  mailer.sendReceipt(orderId, { signal }),
);
export const performSendVerificationEmail = perform(sendVerificationEmail, ({ userId: to }, { signal }) =>
  mailer.send({ to, text: "…" }, { signal }),
);

export const performSendReport = perform(sendReport, ({ until }) => sendReportUntil(until));

export declare function migrateShop(url: string): Promise<void>;
export declare function createShop(options: { connection: string }): {
  readonly jobs: Jobs;
  placeOrder(email: string): Promise<string>;
  close(): Promise<void>;
};

export declare const orderId: string;
export declare const gone: string;
export declare const total: number;

/** As Prisma generates it into an application. */
export declare class PrismaClient {
  constructor(options: { adapter: object });
  readonly user: { create(user: { data: { id: string; email: string } }): Promise<unknown> };
}

/** As the page on Kysely has it. */
export declare function kyselyTransaction<Tables>(
  client: import("pg").PoolClient,
): Promise<import("kysely").ControlledTransaction<Tables>>;
