import type { EventRecorder } from "../event/aggregate-root.ts";
import { assertEvent } from "../event/assert-event.ts";
import { DomainEventsError } from "../errors.ts";
import { findScope, type RunningUnit } from "../current-unit.ts";
import { ScopeEvents } from "./scope-events.ts";
import type { TrackedSources } from "./tracked-sources.ts";
import { savepointEnded, unitEnded } from "../unit-errors.ts";

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
  readonly events: ScopeEvents;
  #child: Scope | undefined;
  #state: "open" | "ended" = "open";
  #isDropped = false;
  /** Where what was recorded here has gone: the scope around it, when its savepoint was released. */
  #heir: Scope | undefined;
  #joinedRunCount = 0;
  #doom: { readonly cause: unknown } | undefined;

  constructor(unit: ScopeOwner, parent?: Scope) {
    this.unit = unit;
    this.parent = parent;
    this.events = new ScopeEvents(unit.sources, parent?.events, (error) => this.condemn(error));
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
    this.refuseUnlessOpen("An event was recorded");
    assertEvent(event);
    this.events.record(event);
  }

  track(source: EventRecorder): void {
    this.refuseUnlessOpen("An aggregate was tracked");
    if (typeof source?.pullEvents !== "function") {
      throw new DomainEventsError(
        "AGGREGATE_INVALID",
        "track() takes an object with pullEvents(), such as an AggregateRoot.",
      );
    }
    this.events.track(source);
  }

  /** What tracked aggregates have recorded so far stays with this scope, whatever becomes of the child. */
  open(): Scope {
    this.events.flush();
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
    this.events.handOver();
    this.parent.#child = undefined;
  }

  /** Rolled back: what was recorded in it is gone, also from the aggregates. Never throws. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.end();
    this.#child?.drop();
    try {
      this.events.flush();
    } catch (error) {
      // What that aggregate still has was recorded in here, and would come out later.
      this.parent?.condemn(error);
      this.unit.reportDiscard(error);
    }
    this.events.discard(this.unit.reportDiscard);
    if (this.parent) this.parent.#child = undefined;
  }

  /** Lets go of everything: a context that somebody keeps holds the scope. */
  clear(): void {
    this.end();
    this.events.clear();
  }

  /** Marks for rollback whatever scope holds this one's events by now. */
  condemn(cause: unknown): void {
    if (this.#heir) this.#heir.condemn(cause);
    else this.#doom ??= { cause };
  }

  joined(): void {
    this.#joinedRunCount += 1;
  }

  left(): void {
    this.#joinedRunCount -= 1;
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`. */
  refuseUnlessOpen(what: string): void {
    if (this.unit.state !== "running") throw unitEnded(what, this.unit.state);
    if (!this.isOpen) throw savepointEnded(what);
    this.refuseWhileChildOpen(what);
  }

  /** Like one that the server refuses, it takes its scope with it: what the scope has recorded may be about it. */
  refuseStatement(): void {
    try {
      this.refuseUnlessOpen("A statement was sent");
    } catch (error) {
      this.condemn(error);
      throw error;
    }
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

/** The innermost one of that unit in which the caller runs. */
export function callersScopeIn(unit: ScopeOwner): Scope | undefined {
  // It has been found by the unit, whose scopes are all of this class.
  return findScope((running) => running === unit) as Scope | undefined;
}
