import { createEventBus, type EventBus } from "./event-bus.ts";
import { processGlobal } from "../process-global.ts";

/**
 * Declares the type of the transaction that the default bus gives to beforeCommit handlers. Augment it once:
 *
 * @example
 * declare module "@acme/domain-events" {
 *   interface DefaultBus {
 *     transaction: Knex.Transaction;
 *   }
 * }
 */
// oxlint-disable-next-line typescript/no-empty-object-type, typescript/no-empty-interface -- the application augments it.
export interface DefaultBus {}

/** The type of the transaction that beforeCommit handlers of the default bus get: see {@link DefaultBus}. */
export type DefaultTransaction = DefaultBus extends { transaction: infer Tx } ? Tx : unknown;

/**
 * A bus for applications that need only one. There is one per process, even if the ESM and the CJS build are loaded.
 *
 * @example
 * const recorder = recordEvents(defaultBus);
 */
export const defaultBus: EventBus<DefaultTransaction> = processGlobal("default-bus", () =>
  createEventBus<DefaultTransaction>(),
);

/**
 * {@link EventBus.register} on the default bus.
 *
 * @throws what {@link EventBus.register} throws.
 * @example
 * register(UserRegistered, ({ userId }) => log("registered", userId));
 */
export const register: EventBus<DefaultTransaction>["register"] = defaultBus.register;
/**
 * {@link EventBus.publish} on the default bus.
 *
 * @throws what {@link EventBus.publish} throws.
 * @example
 * await publish(new CartEmptied());
 */
export const publish: EventBus["publish"] = defaultBus.publish;
/**
 * {@link EventBus.publishAll} on the default bus.
 *
 * @throws what {@link EventBus.publish} throws.
 * @example
 * await publishAll(user.pullEvents());
 */
export const publishAll: EventBus["publishAll"] = defaultBus.publishAll;
/**
 * {@link EventBus.clearHandlers} on the default bus.
 *
 * @throws Nothing.
 * @example
 * clearHandlers();
 */
export const clearHandlers: EventBus["clearHandlers"] = defaultBus.clearHandlers;
