import type { EventRecorder } from "../event/aggregate-root.ts";
import { DomainEventsError } from "../errors.ts";
import { EventLog } from "./event-log.ts";
import type { RunningUnit } from "../current-unit.ts";
import type { TrackedSources } from "./tracked-sources.ts";

/** What a scope is part of. */
export interface ScopeOwner extends RunningUnit {
  readonly sources: TrackedSources;
  /** Gets errors of aggregates whose events are being thrown away. */
  readonly reportDiscard: (error: unknown) => void;
}

/** What was recorded between two borders: those of the unit, or of a savepoint in it. */
export class Scope {
  readonly unit: ScopeOwner;
  readonly parent: Scope | undefined;
  #child: Scope | undefined;
  #state: "open" | "ended" = "open";
  #isDropped = false;
  /** Where what was recorded here has gone: the scope around it, when its savepoint was released. */
  #heir: Scope | undefined;
  readonly #log = new EventLog();
  /** Most scopes track nothing. */
  #tracked: Set<EventRecorder> | undefined;
  #joinedRunCount = 0;
  #doom: { readonly cause: unknown } | undefined;

  constructor(unit: ScopeOwner, parent?: Scope) {
    this.unit = unit;
    this.parent = parent;
  }

  /** The innermost open scope. */
  get leaf(): Scope {
    return this.#child?.leaf ?? this;
  }

  /** Why this scope must be rolled back although its work returned. */
  get doom(): { readonly cause: unknown } | undefined {
    return this.#doom;
  }

  /** A savepoint goes with the one around it. */
  get isOpen(): boolean {
    return this.#state === "open" && (this.parent?.isOpen ?? true);
  }

  record(event: object): void {
    this.#log.record(event, !this.unit.sources.isEmpty);
  }

  track(source: EventRecorder): void {
    this.unit.sources.add(source);
    this.#follow(source);
  }

  #follow(source: EventRecorder): void {
    this.#tracked ??= new Set();
    this.#tracked.add(source);
  }

  /** Collects what tracked aggregates have recorded, those of the scopes around this one included. */
  flush(): void {
    try {
      this.#log.merge((since) => this.unit.sources.pull(since));
    } catch (error) {
      // Some sources have handed over what they had: without it nothing may be committed.
      this.condemn(error);
      throw error;
    }
  }

  /** Flushes, and hands over all that was collected since the last time. */
  take(): readonly object[] {
    this.flush();
    return this.#log.take();
  }

  /** What tracked aggregates have recorded so far stays with this scope, whatever becomes of the child. */
  open(): Scope {
    this.flush();
    this.#child = new Scope(this.unit, this);
    return this.#child;
  }

  /** From here on nothing is taken any more, nor by a savepoint inside that nobody has awaited: the end of this one is on its way. */
  end(): void {
    this.#state = "ended";
    this.#child?.end();
  }

  /** The savepoint was released: what it recorded belongs to the scope around it. */
  keep(): void {
    this.end();
    this.#heir = this.parent;
    if (!this.parent) return;
    // Something was refused while RELEASE was on its way.
    if (this.#doom) this.parent.condemn(this.#doom.cause);
    this.parent.#log.append(this.#log.take());
    for (const source of this.#tracked ?? []) this.parent.#follow(source);
    this.parent.#child = undefined;
  }

  /** Rolled back: what was recorded in it is gone, also from the aggregates. Never throws. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.end();
    this.#child?.drop();
    try {
      this.flush();
    } catch (error) {
      // What that aggregate still has was recorded in here, and would come out later.
      this.parent?.condemn(error);
      this.unit.reportDiscard(error);
    }
    this.#log.clear();
    const own = [...(this.#tracked ?? [])].filter((source) => !this.parent?.tracks(source));
    this.unit.sources.forget(own, this.unit.reportDiscard);
    this.#tracked = undefined;
    if (this.parent) this.parent.#child = undefined;
  }

  /** Lets go of everything: a context that somebody keeps holds the scope. */
  clear(): void {
    this.end();
    this.#log.clear();
    this.#tracked = undefined;
  }

  tracks(source: EventRecorder): boolean {
    return this.#tracked?.has(source) || (this.parent?.tracks(source) ?? false);
  }

  /** Marks for rollback whatever scope holds this one's events by now. */
  condemn(cause: unknown): void {
    if (this.#heir) this.#heir.condemn(cause);
    else this.#doom ??= { cause };
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

  joined(): void {
    this.#joinedRunCount += 1;
  }

  left(): void {
    this.#joinedRunCount -= 1;
  }

  /** @throws {@link DomainEventsError} `SAVEPOINT_OPEN`, `RUN_OPEN`: what is not awaited would be cut in two. */
  refuseWhileUnfinished(what: string): void {
    this.refuseWhileChildOpen(what);
    if (this.#joinedRunCount === 0) return;
    throw new DomainEventsError(
      "RUN_OPEN",
      `${what} while a run() that had joined it was still going on, so a part of that would be outside. Await it.`,
    );
  }

  /** @throws {@link DomainEventsError} `SAVEPOINT_OPEN`: statements sent now would run inside the savepoint. */
  refuseWhileChildOpen(what: string): void {
    if (!this.#child) return;
    throw new DomainEventsError(
      "SAVEPOINT_OPEN",
      `${what} while a savepoint inside is still open, so it would be undone with that savepoint. ` +
        "Await savepoint() first, or use the context it hands to its work.",
    );
  }
}
