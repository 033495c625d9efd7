import { defaultBus } from "./bus/default-bus.ts";
import type { ClassOf } from "./event/event.ts";
import type { Lifecycle } from "./bus/lifecycle.ts";
import { memoryTransactions } from "./unit-of-work/memory-transactions.ts";
import type { TransactionAdapter } from "./transaction/transaction-adapter.ts";
import { createUnitOfWork, type UnitOfWork } from "./unit-of-work/unit-of-work.ts";
import type { UnitOfWorkOptions } from "./unit-of-work/unit-of-work-options.ts";

/** What {@link recordEvents} returns. */
export interface EventRecorder extends Disposable {
  /** The events published since the recorder was started or cleared, in order. */
  readonly events: readonly object[];
  /** The recorded events of one class, typed. */
  of<Event extends object>(eventClass: ClassOf<Event>): Event[];
  /** Forgets the events recorded so far. */
  clear(): void;
  stop(): void;
}

/**
 * Records the events that a bus publishes, whether or not they have handlers. The recorder is not a handler itself.
 * Events of a unit of work are published when the unit has committed.
 *
 * @param bus default: the default bus.
 *
 * @example
 * using recorder = recordEvents(bus);
 * await registerUser(unitOfWork, "ada@example.org");
 * expect(recorder.of(UserRegistered)).toHaveLength(1);
 */
export function recordEvents(bus: { readonly lifecycle: Lifecycle } = defaultBus): EventRecorder {
  const events: object[] = [];
  const onPublished = ({ event }: { event: object }): void => {
    events.push(event);
  };
  const stop = (): void => {
    bus.lifecycle.off("event:published", onPublished);
  };
  bus.lifecycle.on("event:published", onPublished);
  return {
    events,
    of<Event extends object>(eventClass: ClassOf<Event>) {
      return events.filter((event): event is Event => event instanceof eventClass);
    },
    clear() {
      events.length = 0;
    },
    stop,
    [Symbol.dispose]: stop,
  };
}

/** Settings of a unit of work without a database. */
export interface MemoryUnitOfWorkOptions<Tx> extends UnitOfWorkOptions<Tx> {
  /** What the work gets as `tx`: a fake of your own, if the work needs one. */
  readonly tx?: Tx;
}

/**
 * A unit of work without a database, for tests of code that records events. Collecting, savepoints, joined runs,
 * handlers and `runOnce` are the real ones, but there are no rows to roll back.
 *
 * @example
 * const unitOfWork = createMemoryUnitOfWork({ bus });
 * await unitOfWork.run(({ record }) => record(new CartEmptied()));
 */
export function createMemoryUnitOfWork<Tx = undefined>({
  tx,
  ...options
}: MemoryUnitOfWorkOptions<Tx> = {}): UnitOfWork<Tx> {
  // If no `tx` is given, Tx is undefined.
  const memory: TransactionAdapter<unknown> = memoryTransactions(tx);
  return createUnitOfWork(memory, options as UnitOfWorkOptions<unknown>) as UnitOfWork<Tx>;
}
