import type { EventRecorder } from "../event/aggregate-root.ts";
import { EventLog } from "./event-log.ts";
import type { TrackedSources } from "./tracked-sources.ts";

/** The events recorded in one scope, by its work and by the aggregates that are tracked there. */
export class ScopeEvents {
  readonly #sources: TrackedSources;
  readonly #outer: ScopeEvents | undefined;
  readonly #condemn: (error: unknown) => void;
  readonly #log = new EventLog();
  /** Made when needed, since most scopes track nothing. */
  #tracked: Set<EventRecorder> | undefined;

  /** @param condemn Called if events were lost, so that nothing of the scope may be committed. */
  constructor(sources: TrackedSources, outer: ScopeEvents | undefined, condemn: (error: unknown) => void) {
    this.#sources = sources;
    this.#outer = outer;
    this.#condemn = condemn;
  }

  record(event: object): void {
    this.#log.record(event, !this.#sources.isEmpty);
  }

  track(source: EventRecorder): void {
    this.#sources.add(source);
    this.#follow(source);
  }

  #follow(source: EventRecorder): void {
    this.#tracked ??= new Set();
    this.#tracked.add(source);
  }

  /** Collects the events of the tracked aggregates, including those tracked in the scopes around this one. */
  flush(): void {
    try {
      this.#log.merge((since) => this.#sources.pull(since));
    } catch (error) {
      // Other sources have already handed over their events, which are lost now. So nothing may be committed.
      this.#condemn(error);
      throw error;
    }
  }

  /** Flushes, and returns all events collected since the last time. */
  take(): readonly object[] {
    this.flush();
    return this.#log.take();
  }

  /** Hands the events and the tracked aggregates over to the scope around this one. */
  handOver(): void {
    if (!this.#outer) return;
    this.#outer.#log.append(this.#log.take());
    for (const source of this.#tracked ?? []) this.#outer.#follow(source);
  }

  /** Drops the events, also those left in aggregates that only this scope tracks. Never throws. */
  discard(report: (error: unknown) => void): void {
    this.#log.clear();
    const own = [...(this.#tracked ?? [])].filter((source) => !this.#outer?.tracks(source));
    this.#sources.forget(own, report);
    this.#tracked = undefined;
  }

  clear(): void {
    this.#log.clear();
    this.#tracked = undefined;
  }

  /** Called when the work sets a savepoint by SQL. */
  mark(name: string): void {
    this.flush();
    this.#log.mark(name);
  }

  hasMark(name: string): boolean {
    return this.#log.hasMark(name);
  }

  rollBackToMark(name: string): void {
    this.flush();
    this.#log.rollBackTo(name);
  }

  releaseMark(name: string): void {
    this.#log.release(name);
  }

  /** @returns a function that restores the marks as they are now. */
  rememberMarks(): () => void {
    return this.#log.remember();
  }

  tracks(source: EventRecorder): boolean {
    return this.#tracked?.has(source) || (this.#outer?.tracks(source) ?? false);
  }
}
