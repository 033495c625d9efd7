/** What a job comes from: the request, and the event whose durable handler has enqueued it. */
export interface Origin {
  readonly requestId?: string;
  readonly eventType?: string;
  readonly eventId?: string;
}

const requestPrefix = "acme:request:";
const eventPrefix = "acme:event:";

/** Reads the origin from the flags of a job. Flags of plain SQL may be anything; what does not fit is left out. */
export function originOf(flags: readonly string[]): Origin {
  const requestId = restOf(flags, requestPrefix);
  const event = restOf(flags, eventPrefix);
  const slash = event?.lastIndexOf("/") ?? -1;
  return {
    ...(requestId !== undefined && { requestId }),
    ...(event !== undefined && slash > 0 && { eventType: event.slice(0, slash), eventId: event.slice(slash + 1) }),
  };
}

function restOf(flags: readonly string[], prefix: string): string | undefined {
  return flags.find((flag) => flag.startsWith(prefix))?.slice(prefix.length);
}
