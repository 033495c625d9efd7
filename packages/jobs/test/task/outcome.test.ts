import { describe, expect, it, vi } from "vitest";
import { JobsError, NonRetryableError, retry, RetryAfterError, snooze } from "../../src/index.ts";
import { decideOutcome } from "../../src/task/outcome.ts";

const policy = retry.fixed({ attempts: 3, delayMs: 500, on: [TypeError] });

describe("the outcome of a failed attempt", () => {
  it.each([
    ["the policy's delay", new TypeError("x"), 1, { kind: "retry", delayMs: 500, attemptsUsed: 1 }],
    ["a dead letter after the last attempt", new TypeError("x"), 3, { kind: "dead", attemptsUsed: 3 }],
    ["a dead letter for an error the policy does not name", new RangeError("x"), 1, { kind: "dead", attemptsUsed: 1 }],
    ["a dead letter for NonRetryableError", new NonRetryableError("x"), 1, { kind: "dead", attemptsUsed: 1 }],
    ["the delay of RetryAfterError", new RetryAfterError(7), 2, { kind: "retry", delayMs: 7, attemptsUsed: 2 }],
    ["a dead letter when RetryAfterError comes too late", new RetryAfterError(7), 3, { kind: "dead", attemptsUsed: 3 }],
    ["an attempt given back for snooze, also the last", snooze(9), 3, { kind: "retry", delayMs: 9, attemptsUsed: 2 }],
    [
      "a dead letter without another attempt for a job that has none left",
      new JobsError("WORKER_DIED", "x"),
      4,
      { kind: "dead", attemptsUsed: 3 },
    ],
    ["a dead letter for what is no error", "text", 1, { kind: "dead", attemptsUsed: 1 }],
  ])("is %s", (_, error, attempt, outcome) => {
    expect(decideOutcome(error, { attempt, policy })).toEqual(outcome);
  });

  it("is what a subclass from the other build asks for, whatever its name", async () => {
    vi.resetModules();
    const otherBuild = await import("../../src/index.ts");
    class CardRefused extends otherBuild.NonRetryableError {
      override readonly name = "CardRefused";
    }
    class BankBusy extends otherBuild.RetryAfterError {
      override readonly name = "BankBusy";
    }

    expect(new CardRefused()).not.toBeInstanceOf(NonRetryableError);
    expect(decideOutcome(new CardRefused("x"), { attempt: 1, policy: retry.standard })).toEqual({
      kind: "dead",
      attemptsUsed: 1,
    });
    expect(decideOutcome(new BankBusy(7), { attempt: 1, policy })).toEqual({
      kind: "retry",
      delayMs: 7,
      attemptsUsed: 1,
    });
  });

  it("is the policy's delay for an error of somebody else's that has the same name", () => {
    class TheirError extends TypeError {
      override readonly name = "RetryAfterError";
    }

    expect(decideOutcome(new TheirError("x"), { attempt: 1, policy })).toMatchObject({ kind: "retry", delayMs: 500 });
  });

  it("is the policy's delay for a payload that the task's code could not enqueue: that is another job's", () => {
    const error = new JobsError("PAYLOAD_INVALID", "x");

    expect(decideOutcome(error, { attempt: 1, policy: retry.fixed({ attempts: 3, delayMs: 500 }) })).toMatchObject({
      kind: "retry",
    });
  });

  it("is the policy's delay when the policy's own predicate throws", () => {
    const broken = retry.fixed({
      attempts: 2,
      delayMs: 500,
      on: () => {
        throw new Error("broken predicate");
      },
    });

    expect(decideOutcome(new Error("x"), { attempt: 1, policy: broken })).toEqual({
      kind: "retry",
      delayMs: 500,
      attemptsUsed: 1,
    });
  });

  it.each([Number.NaN, Infinity, -1])("cannot be a delay of %d", (delayMs) => {
    expect(() => snooze(delayMs)).toThrow(expect.objectContaining({ code: "RETRY_INVALID" }) as Error);
    expect(() => new RetryAfterError(delayMs)).toThrow(expect.objectContaining({ code: "RETRY_INVALID" }) as Error);
  });
});
