import { type AnyHandler, deliveryOf, handlerName } from "../bus/handler.ts";
import type { Registrations } from "../bus/registrations.ts";
import type { MapEdge } from "./nodes.ts";

/** From each event with handlers to these, or to the task of a durable one. */
export function registeredEdges<Tx>(registrations: Registrations<Tx>): readonly MapEdge[] {
  return [...registrations.all()].map(({ eventType, handler }) => edgeTo(eventType, handler));
}

function edgeTo(eventType: string, handler: AnyHandler<never>): MapEdge {
  const from = { kind: "event", name: eventType } as const;
  const delivery = deliveryOf(handler);
  const task = delivery === "durable" && "task" in handler ? handler.task : undefined;
  const to =
    task === undefined
      ? ({ kind: "handler", name: handlerName(handler) } as const)
      : ({ kind: "task", name: task } as const);
  return { from, to, isRegistered: true, ...(delivery !== "afterCommit" && { delivery }) };
}
