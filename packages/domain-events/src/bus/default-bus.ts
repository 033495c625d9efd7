import { createEventBus, type EventBus } from "./event-bus.ts";
import { processGlobal } from "../process-global.ts";

/**
 * Tells which transaction the default bus gives to beforeCommit handlers. Augment it once:
 *
 * @example
 * declare module "@acme/domain-events" {
 *   interface DefaultBus {
 *     transaction: Knex.Transaction;
 *   }
 * }
 */
// oxlint-disable-next-line typescript/no-empty-object-type, typescript/no-empty-interface -- an application fills it.
export interface DefaultBus {}

/** The transaction that beforeCommit handlers of the default bus get: see {@link DefaultBus}. */
export type DefaultTransaction = DefaultBus extends { transaction: infer Tx } ? Tx : unknown;

/** The bus of those who need only one. One per process, also when both builds are loaded. */
export const defaultBus: EventBus<DefaultTransaction> = processGlobal("default-bus", () =>
  createEventBus<DefaultTransaction>(),
);

/** {@link EventBus.register} on the default bus. */
export const register: EventBus<DefaultTransaction>["register"] = defaultBus.register;
/** {@link EventBus.publish} on the default bus. */
export const publish: EventBus["publish"] = defaultBus.publish;
/** {@link EventBus.publishAll} on the default bus. */
export const publishAll: EventBus["publishAll"] = defaultBus.publishAll;
/** {@link EventBus.clearHandlers} on the default bus. */
export const clearHandlers: EventBus["clearHandlers"] = defaultBus.clearHandlers;
