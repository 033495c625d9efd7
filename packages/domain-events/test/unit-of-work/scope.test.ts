import { array, asyncProperty, assert, boolean, integer, letrec, oneof, record as fields } from "fast-check";
import { expect, it } from "vitest";
import { AggregateRoot, createEventBus, defineEvent, props, type UnitContext } from "../../src/index.ts";
import { createMemoryUnitOfWork, recordEvents } from "../../src/testing.ts";

class Counted extends defineEvent("counted", props<{ n: number }>()) {}

class Counter extends AggregateRoot<Counted> {
  count(n: number): void {
    this.record(new Counted({ n }));
  }
}

/** A work as data: records directly, records through one of three aggregates, or opens a savepoint. */
type Step = { n: number } | { n: number; by: number } | { steps: Step[]; fails: boolean; joins: boolean };

const { steps } = letrec<{ step: Step; steps: Step[] }>((tie) => ({
  step: oneof(
    { maxDepth: 4 },
    fields({ n: integer() }),
    fields({ n: integer(), by: integer({ min: 0, max: 2 }) }),
    fields({ steps: tie("steps"), fails: boolean(), joins: boolean() }),
  ),
  steps: array(tie("step"), { maxLength: 6 }),
}));

it("publishes what was recorded outside of rolled-back savepoints, in order, whatever the work does", async () => {
  await assert(
    asyncProperty(steps, async (program) => {
      const bus = createEventBus();
      using recorder = recordEvents(bus);
      const unitOfWork = createMemoryUnitOfWork({ bus });
      const counters = [new Counter(), new Counter(), new Counter()];

      await unitOfWork.run(async (context) => {
        for (const counter of counters) context.track(counter);
        await perform(context, program);
      });

      async function perform(context: UnitContext<unknown>, rest: Step[]): Promise<void> {
        for (const step of rest) {
          if ("by" in step) counters[step.by]?.count(step.n);
          else if ("n" in step) context.record(new Counted({ n: step.n }));
          else await context.savepoint((inner) => part(inner, step)).catch(() => {});
        }
      }
      async function part(inner: UnitContext<unknown>, step: Extract<Step, { steps: Step[] }>): Promise<void> {
        await (step.joins ? unitOfWork.run((joined) => perform(joined, step.steps)) : perform(inner, step.steps));
        if (step.fails) throw new Error("boom");
      }

      expect(recorder.of(Counted).map(({ n }) => n)).toEqual(survivors(program));
      expect(counters.flatMap((counter) => counter.pullEvents())).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

function survivors(program: Step[]): number[] {
  return program.flatMap((step) => {
    if ("n" in step) return [step.n];
    return step.fails ? [] : survivors(step.steps);
  });
}
