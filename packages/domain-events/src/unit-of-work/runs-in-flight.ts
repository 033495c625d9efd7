import { AsyncLocalStorage } from "node:async_hooks";
import { checkDuration } from "../check-duration.ts";
import { DomainEventsError } from "../errors.ts";
import type { DroppedHandler } from "../bus/queued-event.ts";
import { withTimeout } from "@acme/shared/timeout";

/** How long a stop may take. */
export interface StopOptions {
  /**
   * Milliseconds that units under way and their handlers get to finish, from 0 to 2,147,483,647 (24 days), or Infinity to
   * wait for as long as they take. Default: 25,000.
   */
  readonly deadlineMs?: number;
}

// As long as that of a worker of @acme/jobs, and a little less than the 30 s which most platforms allow.
const defaultDeadlineMs = 25_000;

/** What {@link RunsInFlight.stop} leaves undone. */
export interface StopReport {
  /** Handlers that had not finished, or not even started, at the deadline. Durable ones are never among them. */
  readonly dropped: readonly DroppedHandler[];
  /** Units that had not committed. They roll back, unless COMMIT was on its way: then their handlers do not run. */
  readonly unfinishedUnitCount: number;
}

/** One `run` between its begin and the end of its handlers. */
export interface Flight {
  /** The deadline has passed: must not commit, must start no handler. */
  isGivenUp: boolean;
  /** Gives up its handlers and tells which ones. `undefined` while the work still runs. */
  giveUpHandlers: (() => DroppedHandler[]) | undefined;
  isOver: boolean;
  /** The one that has begun it, of this unit of work or another. */
  parent: Flight | undefined;
}

/** The run that the code at hand is a part of, its handlers included. */
const underWay = new AsyncLocalStorage<Flight>();

/** That one, or the innermost around it that is not over; what is over is not held on to. */
function lastingOf(flight: Flight | undefined): Flight | undefined {
  let found = flight;
  while (found?.isOver) found = found.parent;
  return found;
}

export function runUnderWay<Result>(flight: Flight, work: () => Result): Result {
  return underWay.run(flight, work);
}

/** The runs of a unit of work that have begun and not ended. */
export class RunsInFlight {
  readonly #flights = new Set<Flight>();
  readonly #waiting: (() => void)[] = [];
  #isStopped = false;

  /** @throws {@link DomainEventsError} `STOPPED` once `stop()` was called; not for what one under way begins. */
  begin(): Flight {
    const parent = lastingOf(underWay.getStore());
    if (parent) parent.parent = lastingOf(parent.parent);
    if (this.#isStopped && !this.#hasPart(parent)) {
      throw stopped("This unit of work has been stopped and takes no new runs.");
    }
    const flight: Flight = { isGivenUp: false, giveUpHandlers: undefined, isOver: false, parent };
    this.#flights.add(flight);
    return flight;
  }

  /** Whether what begins there is a part of one that is waited for, however many others are in between. */
  #hasPart(parent: Flight | undefined): boolean {
    for (let flight = parent; flight; flight = flight.parent) {
      if (flight.isGivenUp) return false;
      if (this.#flights.has(flight)) return true;
    }
    return false;
  }

  end(flight: Flight): void {
    flight.isOver = true;
    this.#flights.delete(flight);
    if (this.#flights.size > 0) return;
    for (const tell of this.#waiting) tell();
  }

  /** @throws {@link DomainEventsError} `OPTIONS_INVALID`; nothing is stopped then. */
  async stop(deadlineMs: number = defaultDeadlineMs): Promise<StopReport> {
    checkDuration("deadlineMs", deadlineMs);
    this.#isStopped = true;
    const ended = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#flights.size === 0) resolve();
    });
    // The report says what was left.
    await withTimeout(deadlineMs, ended).catch(() => {});

    const left = [...this.#flights];
    const dropped = left.flatMap((flight) => {
      flight.isGivenUp = true;
      return flight.giveUpHandlers?.() ?? [];
    });
    return { dropped, unfinishedUnitCount: left.filter((flight) => !flight.giveUpHandlers).length };
  }
}

/** @throws {@link DomainEventsError} `STOPPED` once the deadline has passed. */
export function refuseWhenGivenUp(flight: Flight): void {
  if (flight.isGivenUp) throw stopped("stop() reached its deadline before this unit of work committed: it rolls back.");
}

function stopped(message: string): DomainEventsError {
  return new DomainEventsError("STOPPED", message);
}
