import {
  currentCorrelation,
  fitting,
  mergeCorrelation,
  type Correlation,
  type GivenCorrelation,
} from "@acme/shared/correlation";

/** What a job comes from, as far as it is known. */
export interface Origin {
  /** The request id that `withCorrelation` had set when the job was enqueued. */
  readonly requestId?: string;
  /** The type of the event whose durable handler enqueued the job, or the job that enqueued it. */
  readonly eventType?: string;
  /** The id of that event. */
  readonly eventId?: string;
}

/**
 * Flags, because the payload belongs to the application, and Graphile Worker hands them to the run. One for the event, since its
 * type without its id says little.
 */
const requestPrefix = "acme:request:";
const eventPrefix = "acme:event:";

/** The flags of a job that is enqueued now. */
export function currentFlags(): string | null {
  return toFlags(currentCorrelation());
}

/** The origin of a job that is enqueued now. */
export function originOfCaller(): Origin | undefined {
  const correlation = currentCorrelation();
  return Object.keys(correlation).length === 0 ? undefined : correlation;
}

/** The flags of a job that a durable handler enqueues now. */
export function flagsOfEvent(event: unknown): string | null {
  return toFlags(mergeCorrelation(currentCorrelation(), eventOf(event)));
}

/** As an array of PostgreSQL. The values need no escapes. */
export function toFlags({ requestId, eventType, eventId }: Origin = {}): string | null {
  const request = requestId !== undefined && requestPrefix + requestId;
  const event =
    (eventType !== undefined || eventId !== undefined) && `${eventPrefix}${eventType ?? ""}/${eventId ?? ""}`;
  if (request === false && event === false) return null;
  return `{${[request, event].filter((flag) => flag !== false).join(",")}}`;
}

/** Those of {@link toFlags} among the flags of a job, as an array, or null if there are none. */
export const originFlagsSql = (flags: string) => `nullif(array(
  select flag from jsonb_object_keys(case when jsonb_typeof(${flags}) = 'object' then ${flags} end) as flag
  where flag like '${requestPrefix}%' or flag like '${eventPrefix}%'
), '{}')`;

/**
 * Reads what {@link toFlags} has written. Plain SQL may have written anything: what does not fit is left out.
 *
 * @param flags - JSON text, of an object whose keys are the flags, or of an array. It is parsed only if it contains an escape.
 */
export function originOf(flags: string | null): Origin | undefined {
  if (flags === null) return undefined;
  const [request, event] = flags.includes("\\")
    ? parsedFlags(flags)
    : [cutOut(flags, requestPrefix), cutOut(flags, eventPrefix)];
  if (request === undefined && event === undefined) return undefined;
  const origin = fitting({ requestId: request, ...eventIn(event) });
  return Object.keys(origin).length === 0 ? undefined : origin;
}

/** No id has a slash, but a type may. */
function eventIn(flag: string | undefined): GivenCorrelation {
  const slash = flag?.lastIndexOf("/") ?? -1;
  return slash === -1 ? {} : { eventType: flag?.slice(0, slash), eventId: flag?.slice(slash + 1) };
}

function cutOut(flags: string, prefix: string): string | undefined {
  const at = flags.indexOf(`"${prefix}`);
  if (at === -1) return undefined;
  const start = at + 1 + prefix.length;
  return flags.slice(start, flags.indexOf('"', start));
}

function parsedFlags(text: string): (string | undefined)[] {
  const parsed: unknown = JSON.parse(text);
  const flags: readonly unknown[] = Array.isArray(parsed) ? parsed : Object.keys(parsed as object);
  return [requestPrefix, eventPrefix].map((prefix) => {
    const found = flags.find((flag): flag is string => typeof flag === "string" && flag.startsWith(prefix));
    return found?.slice(prefix.length);
  });
}

/** An event of `defineEvent` has its own type; one of any other class is called by its class. */
function eventOf(event: unknown): Correlation {
  if (typeof event !== "object" || event === null) return {};
  try {
    const { type, eventId } = event as { readonly type?: unknown; readonly eventId?: unknown };
    const hasBoth = typeof type === "string" && typeof eventId === "string";
    return fitting({
      eventType: hasBoth ? type : event.constructor?.name,
      eventId: typeof eventId === "string" ? eventId : undefined,
    });
  } catch {
    // A class or a proxy may throw here, and the job counts more than what is known of it.
    return {};
  }
}
