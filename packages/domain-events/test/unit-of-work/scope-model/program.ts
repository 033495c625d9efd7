/** A work as data. Numbers are given by {@link numbered}. */
export interface Program {
  readonly steps: readonly Step[];
  readonly end: "returns" | "throws" | "breaks a deferred constraint";
  /** Which of those that could go on does, whenever nothing else is going on. */
  readonly order: readonly number[];
  /** What nobody awaits goes on as soon as the work has returned, or once the unit has ended. */
  readonly leftovers: "race with the commit" | "come after it";
}

export type Step =
  | EventStep
  | PartStep
  | OwnSavepointStep
  | ControlStep
  | SqlErrorStep
  | TogetherStep
  | UnawaitedStep
  | LateStep
  | EndStep;

/** Records event number n and writes row number n. */
export interface EventStep {
  readonly kind: "event";
  n: number;
  readonly by: "record" | "publish" | "joined run" | "root" | "source" | "new root" | "new source";
  readonly via: "tx" | "query()" | "callback" | "stream";
  readonly rowFirst: boolean;
}

/** What may fail as a whole: `nested` is knex's own, `elsewhere` a unit on another database. */
export interface PartStep {
  readonly kind: "savepoint" | "run" | "run of another adapter" | "nested" | "elsewhere";
  readonly body: readonly Step[];
  readonly throws: boolean;
  readonly swallowed: boolean;
}

/** A savepoint that the work sets by SQL. */
export interface OwnSavepointStep {
  readonly kind: "own savepoint";
  readonly name: string;
  readonly body: readonly Step[];
  readonly end: "release" | "rollback to" | "rollback to, release" | "nothing";
  /** Takes an error of the body for a reason to go back. */
  readonly recovers: boolean;
  /** Goes on although the savepoint could not be set. */
  readonly goesOn: boolean;
}

/** Goes back to, or releases, a savepoint that may not be there. */
export interface ControlStep {
  readonly kind: "control";
  readonly verb: "release" | "rollback to";
  readonly name: string;
}

export interface SqlErrorStep {
  readonly kind: "sql error";
  readonly swallowed: boolean;
}

/** Branches in a Promise.all. */
export interface TogetherStep {
  readonly kind: "together";
  readonly branches: readonly (readonly Step[])[];
}

export interface UnawaitedStep {
  readonly kind: "unawaited";
  readonly part: PartStep;
}

/** With a context that outlives its unit. */
export interface LateStep {
  readonly kind: "late";
  n: number;
  readonly call: "record" | "track" | "query()" | "tx" | "savepoint" | "publish" | "run";
}

/** Ends the transaction behind the unit's back: to be seen in the text, or only by the mark that is gone. */
export interface EndStep {
  readonly kind: "end";
  readonly how: "text" | "query object" | "hidden";
  readonly swallowed: boolean;
}

export function* stepsIn(steps: readonly Step[]): Generator<Step> {
  for (const step of steps) {
    yield step;
    for (const inner of partsOf(step)) yield* stepsIn(inner);
  }
}

export function numbered({ steps }: Program): void {
  let count = 0;
  for (const step of stepsIn(steps)) if ("n" in step) step.n = count += 1;
}

/** Who comes first among siblings, what a hidden end leaves, which savepoint is meant: of such programs not more is known than what always holds. */
export function isUncertain({ steps }: Pick<Program, "steps">): boolean {
  if (hasHiddenEnd({ steps })) return true;
  return [...stepsIn(steps)].some((step) => {
    if (step.kind === "own savepoint") return step.goesOn;
    return step.kind === "together" || step.kind === "unawaited";
  });
}

/** What rolls back a part of a scope. */
export function hasOwnSavepoints({ steps }: Pick<Program, "steps">): boolean {
  const kinds = new Set(["own savepoint", "control", "nested", "end"]);
  return [...stepsIn(steps)].some(({ kind }) => kinds.has(kind));
}

/** What comes behind it is in a transaction that nobody has asked for. */
export function hasHiddenEnd({ steps }: Pick<Program, "steps">): boolean {
  return [...stepsIn(steps)].some((step) => step.kind === "end" && step.how === "hidden");
}

function partsOf(step: Step): readonly (readonly Step[])[] {
  if ("body" in step) return [step.body];
  if ("branches" in step) return step.branches;
  return "part" in step ? [[step.part]] : [];
}
