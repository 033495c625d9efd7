import type { EventSource } from "./aggregate-root.ts";
import { DomainEventsError } from "./errors.ts";
import { pullInOrder } from "./recorded-events.ts";

/** What was recorded between two borders: those of the unit, or of a savepoint in it. */
export class Scope {
  readonly parent: Scope | undefined;
  #child: Scope | undefined;
  #state: "open" | "kept" | "dropped" = "open";
  #log: object[] = [];
  readonly #tracked = new Set<EventSource>();
  #doom: { readonly cause: unknown } | undefined;

  constructor(parent?: Scope) {
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

  record(event: object): void {
    this.flush();
    this.#log.push(event);
  }

  track(aggregate: EventSource): void {
    this.#tracked.add(aggregate);
  }

  /** Collects what tracked aggregates have recorded, those of the scopes around this one included. */
  flush(): void {
    const tracked = this.#reachable();
    if (tracked.size > 0) this.#log.push(...pullInOrder(tracked));
  }

  /** Flushes, and hands over all that was collected since the last time. */
  take(): object[] {
    this.flush();
    const taken = this.#log;
    this.#log = [];
    return taken;
  }

  /** What tracked aggregates have recorded so far stays with this scope, whatever becomes of the child. */
  open(): Scope {
    this.flush();
    this.#child = new Scope(this);
    return this.#child;
  }

  /** The savepoint was released: what it recorded belongs to the scope around it. */
  keep(): void {
    this.#state = "kept";
    if (!this.parent) return;
    this.parent.#log.push(...this.take());
    for (const aggregate of this.#tracked) this.parent.#tracked.add(aggregate);
    this.parent.#child = undefined;
  }

  /** Rolled back: what was recorded in it is gone, also from the aggregates. */
  drop(): void {
    this.#state = "dropped";
    pullInOrder(this.#reachable());
    this.#log = [];
    if (this.parent) this.parent.#child = undefined;
  }

  /** Marks for rollback whatever scope holds this one's events by now. */
  condemn(cause: unknown): void {
    if (this.#state === "kept") this.parent?.condemn(cause);
    if (this.#state === "open") this.#doom ??= { cause };
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

  /** Aggregates of the scopes around this one record in here, too. */
  #reachable(): ReadonlySet<EventSource> {
    return this.parent ? new Set([...this.#tracked, ...this.parent.#reachable()]) : this.#tracked;
  }
}
