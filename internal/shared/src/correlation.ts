import { AsyncLocalStorage } from "node:async_hooks";

/** What the running code comes from. Jobs that it enqueues keep it, and so do the runs of these jobs. */
export interface Correlation {
  /** The request that a person, or another service, has sent. */
  readonly requestId?: string;
  /** The type of the event whose durable handler enqueued the job. */
  readonly eventType?: string;
  /** The id of that event. */
  readonly eventId?: string;
}

/** As {@link Correlation}. A value may also be `undefined`, which counts as left out. */
export type GivenCorrelation = { readonly [Name in keyof Correlation]?: string | undefined };

const none: Correlation = Object.freeze({});

// Both builds (ESM and CJS) of both packages share it: what a request has set must be found where a job is written.
const storageName = Symbol.for("@acme/correlation@1");
const globals = globalThis as unknown as Record<symbol, AsyncLocalStorage<Correlation | undefined> | undefined>;
const storage = (globals[storageName] ??= new AsyncLocalStorage());

/**
 * Calls the function with these ids as {@link currentCorrelation}, also in what it starts and awaits. Inside another
 * call, ids that are not given stay as they are; the type and the id of an event are replaced together.
 *
 * The jobs that are enqueued meanwhile keep the ids, through outbox, retries, recovery and dead letters. So do the log
 * lines of their attempts, and the jobs that these enqueue. A durable handler enqueues when its unit of work commits:
 * call `withCorrelation` around the unit, not inside.
 *
 * An id has 1 to 128 characters, each a letter of ASCII, a digit or one of `. _ : / -`; that of an event has no `/`. Any
 * other value is left out, and is not an error: it may come from a stranger.
 *
 * @throws what the function throws, and nothing else.
 * @example
 * ```ts
 * app.use((ctx, next) => withCorrelation({ requestId: ctx.get("x-request-id") }, next));
 * ```
 */
export function withCorrelation<Result>(correlation: GivenCorrelation, work: () => Result): Result {
  const given = fitting(correlation);
  return given === none ? work() : storage.run(mergeCorrelation(storage.getStore() ?? none, given), work);
}

/**
 * The ids that {@link withCorrelation} has set around the caller, or those of the job whose attempt runs.
 *
 * @throws Nothing.
 */
export function currentCorrelation(): Correlation {
  return storage.getStore() ?? none;
}

/** Calls the function with this correlation alone. Entering a context costs more than to ask for it, so it is entered only if it differs. */
export function replaceCorrelation<Result>(correlation: Correlation | undefined, work: () => Result): Result {
  return storage.getStore() === correlation ? work() : storage.run(correlation, work);
}

/** The type and the id of an event belong together. */
export function mergeCorrelation(outer: Correlation, inner: Correlation): Correlation {
  const namesEvent = inner.eventType !== undefined || inner.eventId !== undefined;
  const requestId = inner.requestId ?? outer.requestId;
  const { eventType, eventId } = namesEvent ? inner : outer;
  return fitting({ requestId, eventType, eventId });
}

/** Without the values that do not fit. They are not cut, because the rest of an id may be the id of something else. */
export function fitting({ requestId, eventType, eventId }: GivenCorrelation): Correlation {
  const hasEventId = fits(eventId) && !eventId.includes("/");
  if (!fits(requestId) && !fits(eventType) && !hasEventId) return none;
  return Object.freeze({
    ...(fits(requestId) && { requestId }),
    ...(fits(eventType) && { eventType }),
    ...(hasEventId && { eventId }),
  });
}

/** Nothing that has to be escaped in JSON, in an array of PostgreSQL, or in a log line. */
const pattern = /^[A-Za-z0-9._:/-]{1,128}$/;

function fits(value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}
