import { isCausationObserved, tellEffect } from "@acme/shared/causation";
import { eventTypeOf } from "../event/event.ts";

/** For an event map: the running handler or task has made this event happen. */
export function tellEvent(event: object): void {
  if (isCausationObserved()) tellEffect({ kind: "event", name: eventTypeOf(event) });
}
