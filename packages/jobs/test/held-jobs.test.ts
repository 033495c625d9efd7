import { describe, expect, it } from "vitest";
import { at, begunIds, createHangMemory, takeBackHeld } from "../src/hang-memory.ts";
import { createHeldJobs } from "../src/held-jobs.ts";

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
  return { memory, held: createHeldJobs(memory), beginOrEndRound, takeBack };
}

describe("jobs that a pool was given", () => {
  it("are either begun or taken back, never both", () => {
    const { memory, held, takeBack } = heldJobs();
    held.hold([job(1), job(2), job(3)]);

    const begun = held.begin("2");
    const taken = takeBack();

    expect([begun, held.begin("1"), held.begin("3")]).toEqual([true, false, false]);
    expect([taken, begunIds(memory)]).toEqual([["1", "3"], ["2"]]);
  });

  it("are followed by no others before those that were taken back have all passed through", () => {
    const { held, takeBack } = heldJobs();
    const [one, two] = held.hold([job(1), job(2)]);
    takeBack();

    const looks = [held.look()];
    held.letGo([one!]);
    looks.push(held.look());
    held.letGo([two!]);

    expect(looks).toEqual([undefined, undefined]);
    expect([held.reopens(), held.reopens()]).toEqual([true, false]);
    expect(held.look()?.isVoid()).toBe(false);
  });

  it("are void where they come with an answer that was on its way in a round; nothing is asked before it has come", () => {
    const { held, takeBack } = heldJobs();
    const onItsWay = held.look();
    takeBack();

    const isVoid = onItsWay?.isVoid();
    const before = held.look();
    onItsWay?.ended();

    expect([isVoid, before]).toEqual([true, undefined]);
    expect(held.look()).toBeDefined();
  });

  it("are not asked for in the middle of a round", () => {
    const { held, beginOrEndRound } = heldJobs();
    beginOrEndRound();

    expect(held.look()).toBeUndefined();
    beginOrEndRound();
    expect(held.look()).toBeDefined();
  });

  it("are begun whatever happens where there was no place for them, and their places are used again", () => {
    const { memory, held, takeBack } = heldJobs(1);
    const [first] = held.hold([job(1), job(2)]);

    expect([takeBack(), held.begin("2")]).toEqual([["1"], true]);
    held.letGo([first!, first!, held.get("2")!]);
    expect([held.size, Atomics.load(memory.head, at.uncovered)]).toEqual([0, 0]);
    held.hold([job(3), job(4)]);
    expect([takeBack(), held.size]).toEqual([["3"], 2]);
  });

  it("are let go of as often as they were given, though the same one is given again before that is known", () => {
    const { held } = heldJobs();
    const [before] = held.hold([job(1)]);
    held.hold([job(1)]);

    held.letGo([before!]);

    expect([held.size, held.begin("1")]).toEqual([1, true]);
  });
});
