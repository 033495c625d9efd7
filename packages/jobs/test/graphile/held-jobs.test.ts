import { describe, expect, it } from "vitest";
import { at, begunIds, createHangMemory, takeBackHeld } from "../../src/graphile/hang-memory.ts";
import { HeldJobs } from "../../src/graphile/held-jobs.ts";

const job = (id: number) => ({ id: String(id), attempts: 1, job_queue_id: null });

function heldJobs(places = 8) {
  const memory = createHangMemory(places);
  const beginOrEndRound = () => Atomics.add(memory.head, at.round, 1);
  const takeBack = () => {
    beginOrEndRound();
    const ids = takeBackHeld(memory);
    beginOrEndRound();
    return ids;
  };
  return { memory, held: new HeldJobs(memory), beginOrEndRound, takeBack };
}

describe("jobs that a pool has fetched", () => {
  it("are either begun or taken back, never both", () => {
    const { memory, held, takeBack } = heldJobs();
    held.hold([job(1), job(2), job(3)]);

    const begin = (jobId: string) => held.begin(held.arrive(jobId)!);
    const begun = begin("2");
    const taken = takeBack();

    expect([begun, begin("1"), begin("3")]).toEqual([true, false, false]);
    expect([taken, begunIds(memory)]).toEqual([["1", "3"], ["2"]]);
  });

  it("are followed by no others until Graphile Worker is done with all jobs that were taken back", () => {
    const { held, takeBack } = heldJobs();
    const [one, two] = held.hold([job(1), job(2)]);
    takeBack();

    const fetches = [held.beginFetch()];
    held.letGo([one!]);
    fetches.push(held.beginFetch());
    held.letGo([two!]);

    expect(fetches).toEqual([undefined, undefined]);
    expect([held.reopens(), held.reopens()]).toEqual([true, false]);
    expect(held.beginFetch()?.isVoid()).toBe(false);
  });

  it("are void if their answer was on its way during a round, and there is no other fetch until it has come", () => {
    const { held, takeBack } = heldJobs();
    const onItsWay = held.beginFetch();
    takeBack();

    const isVoid = onItsWay?.isVoid();
    const before = held.beginFetch();
    onItsWay?.ended();

    expect([isVoid, before]).toEqual([true, undefined]);
    expect(held.beginFetch()).toBeDefined();
  });

  it("are not fetched in the middle of a round", () => {
    const { held, beginOrEndRound } = heldJobs();
    beginOrEndRound();

    expect(held.beginFetch()).toBeUndefined();
    beginOrEndRound();
    expect(held.beginFetch()).toBeDefined();
  });

  it("are always begun if there was no place for them in the shared memory, and places are used again", () => {
    const { memory, held, takeBack } = heldJobs(1);
    const [first, second] = held.hold([job(1), job(2)]);

    expect([takeBack(), held.begin(held.arrive("2")!)]).toEqual([["1"], true]);
    held.letGo([first!, first!, second!]);
    expect([held.size, Atomics.load(memory.head, at.uncovered)]).toEqual([0, 0]);
    held.hold([job(3), job(4)]);
    expect([takeBack(), held.size]).toEqual([["3"], 2]);
  });

  it("are released as often as they were fetched, although a job is fetched again before its release is known", () => {
    const { held } = heldJobs();
    const [before] = held.hold([job(1)]);
    held.end(["1"], "returned");
    held.hold([job(1)]);

    held.letGo([before!]);

    expect([held.size, held.begin(held.arrive("1")!)]).toEqual([1, true]);
  });

  describe("while an older one with the same id still runs", () => {
    it("go back once each, and do not affect the older one", () => {
      const { held } = heldJobs();
      const [running] = held.hold([job(1)]);
      held.begin(held.arrive("1")!);
      const [waiting] = held.hold([job(1)]);

      const goingBack = held.end(["1", "1"], "returned");
      held.letGo(goingBack);
      const ending = held.end(["1"], "run");

      expect([goingBack, ending]).toEqual([[waiting], [running]]);
      expect([running!.isDisowned, waiting!.isDisowned]).toEqual([true, false]);
    });

    it("wait for the older one, and are told apart from it", async () => {
      const { held } = heldJobs();
      const first = held.hold([job(1)])[0]!;
      held.begin(held.arrive("1")!);
      held.hold([job(1)]);
      const second = held.arrive("1")!;
      const turn = held.turn(second);

      first.stage = "over";
      const ending = held.end(["1"], "run");
      held.letGo(ending);
      await turn;

      expect(ending).toEqual([first]);
      expect(held.begin(second)).toBe(true);
      expect(held.end(["1"], "run")).toEqual([second]);
    });

    it("do not wait once they are taken back, and other jobs may be fetched before the older one ends", async () => {
      const { held, takeBack } = heldJobs();
      held.hold([job(1)]);
      held.begin(held.arrive("1")!);
      held.hold([job(1)]);
      const second = held.arrive("1")!;
      const turn = held.turn(second);

      takeBack();
      held.passTakenBack();
      await turn;
      second.stage = "over";
      const begun = held.begin(second);
      held.letGo(held.end(["1"], "run"));

      expect([begun, held.reopens()]).toEqual([false, true]);
    });
  });

  it("do not run if they are fetched once more before they have begun: the later fetch runs", () => {
    const { held } = heldJobs();
    held.hold([job(1)]);
    held.hold([job(1)]);
    const [first, second] = [held.arrive("1")!, held.arrive("1")!];

    const begun = [held.begin(first)];
    first.stage = "over";
    held.letGo(held.end(["1"], "run"));
    begun.push(held.begin(second));

    expect(begun).toEqual([false, true]);
  });

  it("are still held if their end could not be written", () => {
    const { held } = heldJobs();
    held.hold([job(1)]);

    const once = held.end(["1"], "returned");
    held.keep(once);

    expect(held.end(["1"], "returned")).toEqual(once);
  });
});
