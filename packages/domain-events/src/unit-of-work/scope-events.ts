import type { EventRecorder } from "../event/aggregate-root.ts";
import { EventLog } from "./event-log.ts";
import type { TrackedSources } from "./tracked-sources.ts";

/** What was recorded in one scope: in its work, and by the aggregates that are tracked there. */
export class ScopeEvents {
  readonly #sources: TrackedSources;
  readonly #outer: ScopeEvents | undefined;
  readonly #condemn: (error: unknown) => void;
  readonly #log = new EventLog();
  /** Most scopes track nothing. */
  #tracked: Set<EventRecorder> | undefined;

  /** @param condemn Called where events have got lost, so that nothing of the scope may be committed. */
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

  /** Collects what tracked aggregates have recorded, those of the scopes around this one included. */
  flush(): void {
    try {
      this.#log.merge((since) => this.#sources.pull(since));
    } catch (error) {
      // Some sources have handed over what they had: without it nothing may be committed.
      this.#condemn(error);
      throw error;
    }
  }

  /** Flushes, and hands over all that was collected since the last time. */
  take(): readonly object[] {
    this.flush();
    return this.#log.take();
  }

  /** To the scope around this one. */
  handOver(): void {
    if (!this.#outer) return;
    this.#outer.#log.append(this.#log.take());
    for (const source of this.#tracked ?? []) this.#outer.#follow(source);
  }

  /** Takes what was recorded also from the aggregates that only this scope tracks. Never throws. */
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

  /** The work has set a savepoint of its own. */
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

  /** @returns what puts the marks back as they are. */
  rememberMarks(): () => void {
    return this.#log.remember();
  }

  tracks(source: EventRecorder): boolean {
    return this.#tracked?.has(source) || (this.#outer?.tracks(source) ?? false);
  }
}
