import { currentCorrelation, type EventBus } from "@acme/domain-events";
import type { Logger } from "./logging/logger.ts";

/** Logs what a bus does: types, ids and names, never what an event carries. Failures are logged by the bus itself. */
export function logBus<Tx>(bus: EventBus<Tx>, logger: Logger): { readonly logRegistered: () => void } {
  let handlerCount = 0;
  bus.lifecycle.on("handler:registered", () => {
    handlerCount += 1;
  });
  bus.lifecycle.on("handler:succeeded", ({ event, handler, durationMs }) => {
    logger.info(
      { ...currentCorrelation(), ...identityOf(event), handler, durationMs: Math.round(durationMs) },
      "handler ran",
    );
  });
  return {
    logRegistered: () => logger.info({ handlerCount }, "handlers registered"),
  };
}

function identityOf(event: object): { eventType: unknown; eventId: unknown } {
  return {
    eventType: "type" in event ? event.type : event.constructor.name,
    eventId: "eventId" in event ? event.eventId : undefined,
  };
}
