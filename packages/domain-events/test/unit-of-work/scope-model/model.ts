import {
  isUncertain,
  type EventStep,
  type OwnSavepointStep,
  type PartStep,
  type Program,
  type Step,
} from "./program.ts";

/** What a program has to lead to. */
export interface Expected {
  /** "committed", or the code or message that the run rejects with. */
  readonly outcome: string;
  readonly stored: readonly number[];
  readonly storedElsewhere: readonly number[];
  /** Stored by calls that came when the unit had ended. */
  readonly storedLate: readonly number[];
}

/** The error that a step lets through. */
class Failure extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface ModelScope {
  isDoomed: boolean;
  /** How many savepoints were set when it began: those are not its own. */
  readonly savepointCount: number;
}

/** @returns `undefined` where that depends on timing. */
export function expectedOf(program: Program): Expected | undefined {
  if (isUncertain(program)) return undefined;
  const transaction = new ModelTransaction();
  const outcome = transaction.run(program.steps, program.end);
  const { stored, storedElsewhere, storedLate } = transaction;
  return { outcome, stored: outcome === "committed" ? stored : [], storedElsewhere, storedLate };
}

/** One transaction as PostgreSQL would have it, and what a unit of work promises on top of that. */
class ModelTransaction {
  readonly stored: number[] = [];
  readonly storedElsewhere: number[] = [];
  readonly storedLate: number[] = [];
  readonly #savepoints: { readonly name: string | undefined; readonly storedCount: number }[] = [];
  #nestedCount = 0;
  #isAborted = false;
  #isViolated = false;

  run(steps: readonly Step[], end: Program["end"]): string {
    const root: ModelScope = { isDoomed: false, savepointCount: 0 };
    try {
      this.#perform(steps, root);
      if (end === "throws") return "boom";
      if (end !== "returns") this.#send();
    } catch (error) {
      if (error instanceof Failure) return error.code;
      throw error;
    }
    if (root.isDoomed) return "UNIT_DOOMED";
    if (this.#isViolated) return "TRANSACTION_OWNED";
    if (this.#isAborted) return "TRANSACTION_ABORTED";
    return end === "returns" ? "committed" : "23505";
  }

  #perform(steps: readonly Step[], scope: ModelScope): void {
    for (const step of steps) {
      if (step.kind === "event") this.#event(step, scope);
      else if (step.kind === "own savepoint") this.#ownSavepoint(step, scope);
      else if (step.kind === "control") this.#control(step.verb, step.name, scope);
      else if (step.kind === "sql error") this.#sqlError(step.swallowed);
      else if (step.kind === "late" && (step.call === "publish" || step.call === "run")) this.storedLate.push(step.n);
      else if (step.kind === "end") this.#swallowing(step.swallowed, () => this.#violate());
      else if ("body" in step) this.#swallowing(step.swallowed, () => this.#part(step, scope));
    }
  }

  #event({ n, by, via }: EventStep, scope: ModelScope): void {
    if (this.#isAborted && by === "joined run" && via !== "callback" && via !== "stream") scope.isDoomed = true;
    this.#send();
    this.stored.push(n);
  }

  #part(step: PartStep, scope: ModelScope): void {
    if (step.kind === "savepoint") return this.#savepoint(step, scope);
    if (step.kind === "nested") return this.#nested(step, scope);
    if (step.kind === "elsewhere") return this.#runElsewhere(step);
    try {
      this.#body(step, scope);
    } catch (error) {
      scope.isDoomed = true;
      throw error;
    }
  }

  #savepoint(step: PartStep, parent: ModelScope): void {
    const at = this.#set(undefined, parent);
    const scope: ModelScope = { isDoomed: false, savepointCount: at + 1 };
    try {
      this.#body(step, scope);
      if (scope.isDoomed) throw new Failure("SAVEPOINT_DOOMED");
      this.#send();
    } catch (error) {
      this.#rollBackTo(at);
      throw error;
    } finally {
      this.#savepoints.length = at;
    }
  }

  /** Knex goes back when the body fails, and leaves the transaction alone when the release does. */
  #nested(step: PartStep, scope: ModelScope): void {
    const name = `knex's ${(this.#nestedCount += 1)}`;
    this.#set(name, scope);
    try {
      this.#body(step, scope);
    } catch (error) {
      this.#control("rollback to", name, scope);
      throw error;
    }
    this.#control("release", name, scope);
  }

  #runElsewhere({ body, throws }: PartStep): void {
    const transaction = new ModelTransaction();
    const outcome = transaction.run(body, throws ? "throws" : "returns");
    if (outcome !== "committed") throw new Failure(outcome);
    this.storedElsewhere.push(...transaction.stored);
  }

  #ownSavepoint({ name, body, end, recovers }: OwnSavepointStep, scope: ModelScope): void {
    this.#set(name, scope);
    try {
      this.#perform(body, scope);
    } catch (error) {
      if (!recovers) throw error;
      return this.#control("rollback to", name, scope);
    }
    if (end.startsWith("rollback to")) this.#control("rollback to", name, scope);
    if (end.endsWith("release")) this.#control("release", name, scope);
  }

  #control(verb: "release" | "rollback to", name: string, scope: ModelScope): void {
    const found = this.#savepoints.findLastIndex((set) => set.name === identity(name));
    if (found < scope.savepointCount) this.#violate();
    if (verb === "rollback to") return this.#rollBackTo(found);
    this.#sendControl(scope);
    this.#savepoints.length = found;
  }

  #body({ body, throws }: PartStep, scope: ModelScope): void {
    this.#perform(body, scope);
    if (throws) throw new Failure("boom");
  }

  #sqlError(isSwallowed: boolean): void {
    const code = this.#isAborted ? "25P02" : "22012";
    this.#isAborted = true;
    if (!isSwallowed) throw new Failure(code);
  }

  /** Where that fails, nobody knows any more which savepoints there are. */
  #set(name: string | undefined, scope: ModelScope): number {
    this.#sendControl(scope);
    return this.#savepoints.push({ name: name && identity(name), storedCount: this.stored.length }) - 1;
  }

  #rollBackTo(index: number): void {
    this.stored.length = this.#savepoints[index]?.storedCount ?? 0;
    this.#savepoints.length = index + 1;
    this.#isAborted = false;
  }

  #send(): void {
    if (this.#isAborted) throw new Failure("25P02");
  }

  #sendControl(scope: ModelScope): void {
    if (this.#isAborted) scope.isDoomed = true;
    this.#send();
  }

  #violate(): never {
    this.#isViolated = true;
    throw new Failure("TRANSACTION_OWNED");
  }

  #swallowing(isSwallowed: boolean, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!isSwallowed || !(error instanceof Failure)) throw error;
    }
  }
}

function identity(name: string): string {
  return name.startsWith('"') ? name : `"${name.toLowerCase()}"`;
}
