import { DomainEventsError } from "../errors.ts";
import type { BeforeCommitContext, BeforeCommitHandler } from "./handler.ts";

/**
 * Makes a handler run inside the transaction, before COMMIT. What the handler writes is stored with the data, or not at
 * all.
 *
 * If the handler fails, the unit of work rolls back and rejects with the handler's own error. Publishing an event with
 * such a handler outside a unit of work is refused with `NEEDS_UNIT_OF_WORK`.
 *
 * @throws {@link DomainEventsError} `HANDLER_INVALID` for anything but a function.
 *
 * @example
 * bus.register(UserRegistered, beforeCommit(async (event, { tx }) => {
 *   await tx("audit").insert({ event_id: event.eventId });
 * }));
 */
export function beforeCommit<Event, Tx>(
  handle: (event: Event, context: BeforeCommitContext<Tx>) => unknown,
): BeforeCommitHandler<Event, Tx> {
  if (typeof handle !== "function") {
    throw new DomainEventsError(
      "HANDLER_INVALID",
      "beforeCommit() takes a function: beforeCommit((event, { tx }) => …).",
    );
  }
  return { delivery: "beforeCommit", name: handle.name || "anonymous handler", handle };
}
