import * as fc from "fast-check";
import type {
  ControlStep,
  EndStep,
  EventStep,
  LateStep,
  OwnSavepointStep,
  PartStep,
  Program,
  SqlErrorStep,
  Step,
  TogetherStep,
  UnawaitedStep,
} from "./program.ts";

// Three names, one of which has three spellings.
const name = fc.constantFrom("a", "A", '"a"', '"A"', '"b; "');
const seldom = fc.constantFrom(false, false, false, false, true);

const event: fc.Arbitrary<EventStep> = fc.record({
  kind: fc.constant("event"),
  n: fc.constant(0),
  by: fc.constantFrom("record", "publish", "joined run", "root", "source", "new root", "new source"),
  via: fc.constantFrom("tx", "tx", "query()", "callback", "stream"),
  rowFirst: fc.boolean(),
});
const control: fc.Arbitrary<ControlStep> = fc.record({
  kind: fc.constant("control"),
  verb: fc.constantFrom("release", "rollback to"),
  name,
});
const sqlError: fc.Arbitrary<SqlErrorStep> = fc.record({ kind: fc.constant("sql error"), swallowed: fc.boolean() });
const late: fc.Arbitrary<LateStep> = fc.record({
  kind: fc.constant("late"),
  n: fc.constant(0),
  call: fc.constantFrom("record", "track", "query()", "tx", "savepoint", "publish", "run"),
});
const end: fc.Arbitrary<EndStep> = fc.record({
  kind: fc.constant("end"),
  how: fc.constantFrom("text", "query object", "hidden"),
  swallowed: fc.boolean(),
});

/** Not an interface: those have no index signature, and `letrec` asks for one. */
type Tied = {
  steps: Step[];
  step: Step;
  ownSavepoint: OwnSavepointStep;
  savepoint: PartStep;
  run: PartStep;
  nested: PartStep;
  elsewhere: PartStep;
  modestSteps: Step[];
  together: TogetherStep;
  unawaited: UnawaitedStep;
};

interface Family {
  readonly name: "one after another" | "siblings" | "all";
  readonly hasNested: boolean;
}

/** What comes one after another is known exactly; much among siblings is only found where nothing else has failed before. */
function stepsOf({ name: family, hasNested }: Family): fc.Arbitrary<Step[]> {
  const { steps } = fc.letrec<Tied>((tie) => {
    const body = tie("steps");
    const part = (kinds: PartStep["kind"][], of = body, throws = seldom): fc.Arbitrary<PartStep> =>
      fc.record({ kind: fc.constantFrom(...kinds), body: of, throws, swallowed: fc.boolean() });
    const timed = family === "one after another" ? 0 : 1;
    const alone = family === "siblings" ? 0 : 1;
    return {
      steps: fc.array(tie("step"), { maxLength: family === "siblings" ? 3 : 6, size: "max" }),
      step: fc.oneof(
        { maxDepth: 4, depthSize: "small" },
        { weight: 12, arbitrary: event },
        { weight: alone, arbitrary: sqlError },
        { weight: alone, arbitrary: control },
        { weight: 1, arbitrary: late },
        { weight: timed * alone, arbitrary: end },
        { weight: alone * 5, arbitrary: tie("ownSavepoint") },
        { weight: 5, arbitrary: tie("savepoint") },
        { weight: 3, arbitrary: tie("run") },
        { weight: hasNested ? alone * 2 : 0, arbitrary: tie("nested") },
        { weight: 1, arbitrary: tie("elsewhere") },
        { weight: timed * 6, arbitrary: tie("together") },
        { weight: timed * 3, arbitrary: tie("unawaited") },
      ),
      ownSavepoint: fc.record({
        kind: fc.constant("own savepoint"),
        name,
        body,
        end: fc.constantFrom("release", "rollback to", "rollback to, release", "nothing"),
        recovers: fc.boolean(),
        goesOn: seldom,
      }),
      savepoint: part(["savepoint"], body, family === "siblings" ? fc.boolean() : seldom),
      run: part(["run", "run of another adapter"]),
      nested: part(["nested"]),
      // What outlives a unit elsewhere would be inside of the one here.
      modestSteps: fc.array(
        fc.oneof({ maxDepth: 3 }, event, sqlError, part(["savepoint", "run"], tie("modestSteps"))),
        {
          maxLength: 3,
        },
      ),
      elsewhere: part(["elsewhere"], tie("modestSteps")),
      together: fc.record({
        kind: fc.constant("together"),
        branches: fc.array(body, { minLength: 2, maxLength: 3 }),
      }),
      unawaited: fc.record({ kind: fc.constant("unawaited"), part: part(["savepoint", "run"]) }),
    };
  });
  return steps;
}

const families = ["one after another", "siblings", "siblings", "all"] as const;

/** `hasNested`: with nested transactions of the driver's own. */
export function programsWith({ hasNested }: { hasNested: boolean }): fc.Arbitrary<Program> {
  return fc.record({
    steps: fc.oneof(...families.map((family) => stepsOf({ name: family, hasNested }))),
    end: fc.constantFrom("returns", "returns", "returns", "returns", "throws", "breaks a deferred constraint"),
    order: fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }),
    leftovers: fc.constantFrom("race with the commit", "come after it"),
  });
}
