import { AsyncLocalStorage } from "node:async_hooks";
import { checkDuration } from "../check-options.ts";
import { DomainEventsError } from "../errors.ts";
import type { DroppedHandler } from "../bus/queued-event.ts";
import { withTimeout } from "@acme/shared/timeout";

/** Settings of `stop()`. */
export interface StopOptions {
  /**
   * How many milliseconds the units under way and their handlers have to finish: from 0 to 2,147,483,647 (24 days), or
   * Infinity for no limit. Default: 25,000.
   */
  readonly deadlineMs?: number;
}

// The same as for a worker of @acme/jobs, and a little less than the 30 s that most platforms allow.
const defaultDeadlineMs = 25_000;

/** What `stop()` left unfinished. */
export interface StopReport {
  /** Handlers that had not finished, or not even started, at the deadline. Durable handlers are never among them. */
  readonly dropped: readonly DroppedHandler[];
  /** Units that had not committed. They roll back, or, if COMMIT had been sent already, their handlers do not run. */
  readonly unfinishedUnitCount: number;
}

/** One `run`, from its beginning to the end of its handlers. */
export interface Flight {
  /** The deadline has passed: the run must not commit, and must not start a handler. */
  isGivenUp: boolean;
  /** Gives up the handlers of the run, and returns which ones. `undefined` while the work still runs. */
  giveUpHandlers: (() => DroppedHandler[]) | undefined;
  isOver: boolean;
  /** The run inside which this one began, of this unit of work or another. */
  parent: Flight | undefined;
}

/** The run whose work or handlers the current code belongs to. */
const underWay = new AsyncLocalStorage<Flight>();

/** The run, or else the innermost one around it that is not over. Runs that are over must not be kept in memory. */
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

  /**
   * @throws {@link DomainEventsError} `STOPPED` once `stop()` was called, except for a run begun by a run under way.
   */
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

  /** Whether a run that begins there is inside a run that `stop()` waits for, at whatever depth. */
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

  /** @throws {@link DomainEventsError} `OPTIONS_INVALID`, and then nothing is stopped. */
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
  if (flight.isGivenUp)
    throw stopped("stop() reached its deadline before this unit of work committed. The unit rolls back.");
}

function stopped(message: string): DomainEventsError {
  return new DomainEventsError("STOPPED", message);
}
