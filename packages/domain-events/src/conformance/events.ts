import type { DurableHandler } from "@acme/shared/durable-handler";
import { AggregateRoot } from "../event/aggregate-root.ts";
import { defineEvent, props } from "../event/event.ts";

/** What a work of these tests records: its number says where. */
export class Happened extends defineEvent("happened", props<{ n: number }>()) {}

/** Counts as what a work or handler records. */
export function happened(n: number): Happened {
  return new Happened({ n });
}

/** An aggregate that records one event for each call. */
export class Counter extends AggregateRoot {
  count(n: number): void {
    this.record(happened(n));
  }
}

/** A handler whose request is the event's number. */
export function durably(store: DurableHandler<Happened>["store"]): DurableHandler<Happened> {
  return { delivery: "durable", name: "durably", store, toRequest: ({ n }) => n };
}

/** A gate that one side waits at until the other opens it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** What a call is refused with. */
export function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "accepted",
    (error: { code?: unknown }) => error.code,
  );
}
