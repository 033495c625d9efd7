import type { Origin } from "../../job/origin.ts";

/** `OrderPlaced 0199f2c0-…, request 7f3c…`, or nothing. */
export function describeOrigin({ requestId, eventType, eventId }: Origin): string {
  return [
    ...(eventType === undefined ? [] : [`${eventType} ${eventId ?? ""}`.trimEnd()]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ].join(", ");
}
