import { performEvent } from "./event-step.ts";
import { performLate } from "./late-step.ts";
import { type Ledger, type Place, Root, Source } from "./ledger.ts";
import { performControl, performOwnSavepoint } from "./own-savepoint-step.ts";
import { performPart } from "./part-step.ts";
import { isUncertain, type Program, type Step, type TogetherStep } from "./program.ts";
import { endTransaction, failInSql } from "./spoiling-steps.ts";
import { newScope, outcomeOf, type Performing, type Spot } from "./spot.ts";
import { Turns } from "./turns.ts";
import type { World } from "./world.ts";

/** Carries out one program on the real thing. */
export class Performance<Tx> implements Performing<Tx> {
  readonly world: World<Tx>;
  readonly ledger: Ledger;
  readonly isUncertain: boolean;
  readonly root = new Root();
  readonly source = new Source();
  /** What nobody awaits in the program. */
  readonly leftovers: Promise<unknown>[] = [];
  /** Has succeeded in the unit, or in parts of it that have succeeded. */
  done: readonly number[] = [];
  readonly #program: Program;
  readonly #turns: Turns;
  readonly #ended = Promise.withResolvers<boolean>();

  constructor(world: World<Tx>, program: Program) {
    this.world = world;
    this.ledger = world.ledger;
    this.isUncertain = isUncertain(program);
    this.#program = program;
    this.#turns = new Turns(program.order);
  }

  /** @returns "committed", or the code or message that the run has rejected with. */
  async run(): Promise<string> {
    const { here } = this.world;
    this.#turns.enter();
    const racing = this.#program.leftovers === "race with the commit";
    const running = here.unitOfWork.run(async (context) => {
      const { tx } = context;
      const place: Place = { name: "here", tx, isWorking: true };
      try {
        await this.#work({ context, tx, side: here, place, mayBeLeft: false, ...newScope() });
      } finally {
        place.isWorking = false;
        if (racing) this.#turns.leave();
      }
    });
    const outcome = await running.then(() => "committed", outcomeOf);
    if (!racing) this.#turns.leave();
    this.#ended.resolve(outcome === "committed");
    // Some of them leave more.
    for (const leftover of this.leftovers) await leftover;
    return outcome;
  }

  async performAll(steps: readonly Step[], spot: Spot<Tx>): Promise<void> {
    for (const step of steps) {
      await this.turn();
      await this.#perform(step, spot);
    }
  }

  async turn(): Promise<void> {
    if (this.isUncertain) await this.#turns.take();
  }

  /** In a branch of its own, whose siblings take turns with it. */
  async branch(spot: Spot<Tx>, act: (spot: Spot<Tx>) => Promise<void>): Promise<void> {
    spot.scope.siblingCount += 1;
    this.#turns.enter();
    try {
      await act({ ...spot, mayBeLeft: true });
    } finally {
      spot.scope.siblingCount -= 1;
      this.#turns.leave();
    }
  }

  afterwards(act: (isCommitted: boolean) => Promise<void>): void {
    this.leftovers.push(this.#ended.promise.then(act));
  }

  async #work(spot: Spot<Tx>): Promise<void> {
    const { context, scope } = spot;
    this.done = scope.done;
    context.track(this.root);
    context.track(this.source);
    await this.performAll(this.#program.steps, spot);
    if (this.#program.end === "throws") throw new Error("boom");
    if (this.#program.end === "returns") return;
    await this.world.sender.driver.query(spot.tx, "insert into checked_late values (1), (1)");
  }

  #perform(step: Step, spot: Spot<Tx>): Promise<void> | void {
    switch (step.kind) {
      case "event":
        return performEvent(this, spot, step);
      case "own savepoint":
        return performOwnSavepoint(this, spot, step);
      case "control":
        return performControl(this, spot, step);
      case "sql error":
        return failInSql(this, spot, step);
      case "end":
        return endTransaction(this, spot, step);
      case "late":
        return performLate(this, spot, step);
      case "together":
        return this.#together(step, spot);
      case "unawaited":
        if (spot.isInOwnSavepoint) return performPart(this, spot, step.part);
        this.leftovers.push(this.branch(spot, (left) => performPart(this, left, step.part)).catch(() => {}));
        return;
      default:
        return performPart(this, spot, step);
    }
  }

  async #together({ branches }: TogetherStep, spot: Spot<Tx>): Promise<void> {
    if (spot.isInOwnSavepoint) return this.performAll(branches.flat(), spot);
    const running = branches.map((steps) => this.branch(spot, (left) => this.performAll(steps, left)));
    for (const branch of running) this.leftovers.push(branch.catch(() => {}));
    this.#turns.leave();
    try {
      await Promise.all(running);
    } finally {
      this.#turns.enter();
    }
  }
}
