import type { EventRecorder } from "../event/aggregate-root.ts";
import { assertEvent } from "../event/assert-event.ts";
import { DomainEventsError } from "../errors.ts";
import { findScope, type RunningUnit } from "../current-unit.ts";
import { ScopeEvents } from "./scope-events.ts";
import type { TrackedSources } from "./tracked-sources.ts";
import { savepointEnded, savepointOpen, unitEnded } from "../unit-errors.ts";

/** The unit that a scope is part of. */
export interface ScopeOwner extends RunningUnit {
  readonly sources: TrackedSources;
  /** Is told of errors of aggregates whose events are being dropped. */
  readonly reportDiscard: (error: unknown) => void;
}

/** A part of a unit with events of its own: the whole unit, or a savepoint in it. */
export class Scope {
  readonly unit: ScopeOwner;
  readonly parent: Scope | undefined;
  readonly events: ScopeEvents;
  #child: Scope | undefined;
  #isOpening = false;
  #state: "open" | "ended" = "open";
  #isDropped = false;
  /** The scope that has taken over the events: the one around this scope, once its savepoint was released. */
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

  /** A savepoint also ends with the one around it. */
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

  /**
   * Sends what has to be there before a savepoint inside is set. Its statements belong to this scope, which until
   * {@link open} takes no other savepoint and does not end.
   *
   * @throws {@link DomainEventsError} `SAVEPOINT_OPEN`; what `send` throws.
   */
  async beforeOpening(send: () => Promise<void>): Promise<void> {
    this.#refuseWhileOpening("A savepoint was opened");
    this.#isOpening = true;
    try {
      await send();
    } catch (error) {
      this.#isOpening = false;
      throw error;
    }
  }

  /**
   * Opens a scope inside. Events that tracked aggregates have recorded so far stay in this scope, even if the child is
   * rolled back.
   */
  open(): Scope {
    this.events.flush();
    this.#isOpening = false;
    this.#child = new Scope(this.unit, this);
    return this.#child;
  }

  /**
   * The scope is about to end. It takes nothing more, and neither does a savepoint inside that the work has not
   * awaited.
   */
  end(): void {
    this.#state = "ended";
    this.#child?.end();
  }

  /** The savepoint was released: its events belong to the scope around it now. */
  keep(): void {
    this.end();
    this.#heir = this.parent;
    if (!this.parent) return;
    // A statement or a joined run was refused while RELEASE was running.
    if (this.#doom) this.parent.condemn(this.#doom.cause);
    this.events.handOver();
    this.parent.#child = undefined;
  }

  /** The scope was rolled back: its events are dropped, also those left in aggregates. Never throws. */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.end();
    this.#child?.drop();
    try {
      this.events.flush();
    } catch (error) {
      // The events that the aggregate still has were recorded in this scope, and would be published later.
      this.parent?.condemn(error);
      this.unit.reportDiscard(error);
    }
    this.events.discard(this.unit.reportDiscard);
    if (this.parent) this.parent.#child = undefined;
  }

  /** Frees the memory of the scope, since application code may keep a context that refers to it. */
  clear(): void {
    this.end();
    this.events.clear();
  }

  /** Marks for rollback the scope that holds this one's events by now. */
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

  /**
   * A refused statement dooms its scope, as an error of the server does, since events of the scope may be about its
   * rows.
   */
  refuseStatement(): void {
    try {
      this.refuseUnlessOpen("A statement was sent");
    } catch (error) {
      this.condemn(error);
      throw error;
    }
  }

  /**
   * @throws {@link DomainEventsError} `SAVEPOINT_OPEN`, `RUN_OPEN`: a part that was not awaited would be only half
   * inside.
   */
  refuseWhileUnfinished(what: string): void {
    this.refuseWhileChildOpen(what);
    this.#refuseWhileOpening(what);
    if (this.#joinedRunCount === 0) return;
    throw new DomainEventsError(
      "RUN_OPEN",
      `${what} while a run() that had joined it was still running, so a part of that run() would be outside. Await the run().`,
    );
  }

  /** @throws {@link DomainEventsError} `SAVEPOINT_OPEN`: statements sent now would run inside the savepoint. */
  refuseWhileChildOpen(what: string): void {
    if (this.#child) throw savepointOpen(what);
  }

  #refuseWhileOpening(what: string): void {
    if (this.#isOpening) throw savepointOpen(what);
  }
}

/** The innermost scope of that unit in which the caller runs. */
export function callersScopeIn(unit: ScopeOwner): Scope | undefined {
  // All scopes of such a unit are of this class.
  return findScope((running) => running === unit) as Scope | undefined;
}
