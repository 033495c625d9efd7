import { attempt, type UnitParts } from "./run-transaction.ts";
import { DomainEventsError, HandlersFailedError } from "../errors.ts";
import { type Flight, RunsInFlight, runUnderWay, type StopReport } from "./runs-in-flight.ts";
import type { PreparedCommit } from "./prepare-commit.ts";
import { retrying } from "./retry-transaction.ts";
import { checkRunOptions } from "./run-options.ts";
import { findScope, runOutsideUnits } from "../current-unit.ts";
import { checkWork, type Run } from "./run.ts";
import type { Scope } from "./scope.ts";
import { joinRun } from "./join-run.ts";
import { defaultAttempts, type UnitOfWorkOptions } from "./unit-of-work-options.ts";

/** Runs each work in a transaction of its own, or joins the unit in which it is called. */
export class UnitRunner<Tx> {
  readonly #parts: UnitParts<Tx>;
  readonly #options: Pick<UnitOfWorkOptions<Tx>, "retry" | "onHandlerError">;
  readonly #inFlight = new RunsInFlight();

  constructor(parts: UnitParts<Tx>, options: Pick<UnitOfWorkOptions<Tx>, "retry" | "onHandlerError">) {
    this.#parts = parts;
    this.#options = options;
  }

  /** @param key The key of `runOnce`. */
  async run<Result>(run: Run<Tx, Result>, key?: string): Promise<Result> {
    checkWork(run.work);
    const { adapter, bus } = this.#parts;
    const scope = findScope((unit) => unit.bus === bus && unit.database === adapter.database);
    if (!scope) return this.#runOwn(run);
    const { isolation, retry } = run.options;
    if (isolation !== undefined || retry !== undefined || key !== undefined) throw joinedOptions();
    // Only units of this package set the scope.
    return joinRun(scope as Scope, adapter, run);
  }

  stop(deadlineMs: number | undefined): Promise<StopReport> {
    return this.#inFlight.stop(deadlineMs);
  }

  async #runOwn<Result>(run: Run<Tx, Result>): Promise<Result> {
    const flight = this.#inFlight.begin();
    try {
      return await runUnderWay(flight, () => this.#runFlight(flight, run));
    } finally {
      this.#inFlight.end(flight);
    }
  }

  async #runFlight<Result>(flight: Flight, run: Run<Tx, Result>): Promise<Result> {
    const { retry, signal } = run.options;
    checkRunOptions(run.options);
    const attempts = retry?.attempts ?? this.#options.retry?.attempts ?? defaultAttempts;
    const { result, prepared } = await retrying(attempts, signal, () => attempt(this.#parts, flight, run));
    if (prepared.events.length > 0) await this.#publishCommitted(flight, prepared, result);
    return result;
  }

  async #publishCommitted(
    flight: Flight,
    { events, registrations }: PreparedCommit<Tx>,
    result: unknown,
  ): Promise<void> {
    const publishing = this.#parts.bus.runCommitted(events, registrations);
    flight.giveUpHandlers = () => publishing.giveUp();
    // stop() reached its deadline while COMMIT was running.
    if (flight.isGivenUp) publishing.giveUp();
    // A unit on another database may be running around this one. The committed events do not depend on how that unit
    // ends.
    const failures = await (findScope() ? runOutsideUnits(() => publishing.start()) : publishing.start());
    if (failures.length > 0) await this.#report(new HandlersFailedError(failures, { result }));
  }

  async #report(error: HandlersFailedError): Promise<void> {
    if (this.#options.onHandlerError === "throw") throw error;
    try {
      await this.#options.onHandlerError?.(error);
    } catch (thrown) {
      this.#parts.bus.settings.logger.error({ err: thrown }, "onHandlerError failed");
    }
  }
}

function joinedOptions(): DomainEventsError {
  return new DomainEventsError(
    "JOINED_OPTIONS",
    "A run() inside a running unit of work joins its transaction, so it cannot have an isolation, a retry or a key of its own. " +
      "Pass them to the outermost run(), or call this one inside runOutsideUnits().",
  );
}
