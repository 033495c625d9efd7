import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNetworkError, JobsError, retry, type RetryPolicy } from "../../src/index.ts";

const delaysOf = (policy: RetryPolicy, random = 0) =>
  Array.from({ length: policy.attempts - 1 }, (_, index) => policy.delayMs(index + 1, () => random));

describe("a retry policy", () => {
  it("waits equally long with fixed", () => {
    expect(delaysOf(retry.fixed({ attempts: 4, delayMs: 500 }))).toEqual([500, 500, 500]);
  });

  it("waits one step longer each time with linear, up to its longest", () => {
    expect(delaysOf(retry.linear({ attempts: 5, delayMs: 100, maxDelayMs: 250 }))).toEqual([100, 200, 250, 250]);
  });

  it("doubles with exponential, up to its longest", () => {
    expect(delaysOf(retry.exponential({ attempts: 6, delayMs: 1_000, maxDelayMs: 5_000 }))).toEqual([
      1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
  });

  it("makes one attempt more than a schedule has delays", () => {
    const policy = retry.schedule([10, 2_000, 30]);

    expect(policy.attempts).toBe(4);
    expect(delaysOf(policy)).toEqual([10, 2_000, 30]);
  });

  it("only ever lengthens a delay by jitter, and by no more than its share", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (delayMs, jitter, random) => {
          const delay = retry.fixed({ attempts: 2, delayMs, jitter }).delayMs(1, () => random);

          expect(delay).toBeGreaterThanOrEqual(delayMs);
          expect(delay).toBeLessThanOrEqual(Math.round(delayMs * (1 + jitter)));
        },
      ),
    );
  });

  it.each([
    ["attempts of 0", () => retry.fixed({ attempts: 0, delayMs: 1 })],
    ["half an attempt", () => retry.fixed({ attempts: 1.5, delayMs: 1 })],
    ["a negative delay", () => retry.fixed({ attempts: 2, delayMs: -1 })],
    ["a delay that is no number", () => retry.linear({ attempts: 2, delayMs: Number.NaN })],
    ["jitter above 1", () => retry.fixed({ attempts: 2, delayMs: 1, jitter: 1.1 })],
    ["a schedule with a negative delay", () => retry.schedule([1, -1])],
  ])("refuses %s", (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "RETRY_INVALID" }) as JobsError);
  });

  it("retries only the classes it is given", () => {
    const policy = retry.fixed({ attempts: 2, delayMs: 1, on: [TypeError] });

    expect(policy.isRetryable(new TypeError("x"))).toBe(true);
    expect(policy.isRetryable(new RangeError("x"))).toBe(false);
  });

  it.each([
    ["pg: terminated", new Error("Connection terminated unexpectedly")],
    ["pg: not queryable", new Error("Client has encountered a connection error and is not queryable")],
    ["pg: no connection", new Error("timeout exceeded when trying to connect")],
    ["pg: no answer", new Error("Query read timeout")],
    ["knex: no connection", Object.assign(new Error("x"), { name: "KnexTimeoutError" })],
    ["a shutdown", Object.assign(new Error("x"), { code: "57P01" })],
    ["too many connections", Object.assign(new Error("x"), { code: "53300" })],
    ["a standby for the moment", Object.assign(new Error("x"), { code: "25006" })],
    ["a serialization failure", Object.assign(new Error("x"), { code: "40001" })],
    ["a unit whose connection was lost", Object.assign(new Error("x"), { code: "TRANSACTION_ABORTED" })],
    ["a unit whose outcome is unknown", Object.assign(new Error("x"), { code: "COMMIT_OUTCOME_UNKNOWN" })],
    ["any of them as a cause", new Error("insert failed", { cause: new Error("Connection terminated unexpectedly") })],
  ])("retries what a database does that is not there for the moment, whatever else it is given: %s", (_, error) => {
    expect(retry.fixed({ attempts: 2, delayMs: 1, on: [TypeError] }).isRetryable(error)).toBe(true);
    expect(retry.network.isRetryable(error)).toBe(true);
  });

  it.each([
    ["a unique violation", Object.assign(new Error("x"), { code: "23505" })],
    ["a statement that took too long", Object.assign(new Error("x"), { code: "57014" })],
    ["an answer of a server", Object.assign(new Error("x"), { status: 503 })],
  ])("leaves it to what it is given: %s", (_, error) => {
    expect(retry.fixed({ attempts: 2, delayMs: 1, on: [TypeError] }).isRetryable(error)).toBe(false);
  });

  it("uses the predicate it is given", () => {
    const policy = retry.fixed({ attempts: 2, delayMs: 1, on: (error) => error === "again" });

    expect([policy.isRetryable("again"), policy.isRetryable("never")]).toEqual([true, false]);
  });
});

describe("the presets", () => {
  const hours = (policy: RetryPolicy) => delaysOf(policy).reduce((sum, delay) => sum + delay, 0) / 3_600_000;

  it("keep trying for as long as their documentation says", () => {
    expect(retry.never.attempts).toBe(1);
    expect(delaysOf(retry.quick)).toEqual([1_000, 2_000, 4_000]);
    expect(delaysOf(retry.network)).toEqual([60_000, 120_000, 240_000, 480_000]);
    expect(hours(retry.standard)).toBeCloseTo(1.42, 1);
    expect(hours(retry.patient) / 24).toBeCloseTo(3, 0);
  });

  it("network retries what a network does, and nothing else", () => {
    expect(retry.network.isRetryable(Object.assign(new Error("x"), { code: "ECONNRESET" }))).toBe(true);
    expect(retry.network.isRetryable(new Error("x"))).toBe(false);
  });
});

describe("a network error", () => {
  const withFacts = (facts: object) => Object.assign(new Error("x"), facts);

  it.each([
    ["a refused connection", withFacts({ code: "ECONNREFUSED" })],
    ["a name that does not resolve just now", withFacts({ code: "EAI_AGAIN" })],
    ["a socket of nodemailer", withFacts({ code: "ESOCKET" })],
    ["SMTP 421", withFacts({ code: "EENVELOPE", responseCode: 421 })],
    ["undici's connect timeout", withFacts({ code: "UND_ERR_CONNECT_TIMEOUT" })],
    ["AbortSignal.timeout", new DOMException("x", "TimeoutError")],
    ["HTTP 408", withFacts({ status: 408 })],
    ["HTTP 502", withFacts({ status: 502 })],
    ["HTTP 503", withFacts({ status: 503 })],
    ["HTTP 504", withFacts({ status: 504 })],
    ["HTTP 429 on axios' response", withFacts({ response: { status: 429 } })],
    ["HTTP 504 on got's response", withFacts({ response: { statusCode: 504 } })],
    ["a lost backend", withFacts({ code: "57P01" })],
    ["a transaction that took too long", withFacts({ code: "25P04" })],
    ["a statement that PostgreSQL has given up, for its time limit", withFacts({ code: "57014" })],
    ["a Unix socket of a server that is not there", withFacts({ code: "ENOENT", syscall: "connect" })],
    ["fetch failed, because of a reset", new TypeError("fetch failed", { cause: withFacts({ code: "ECONNRESET" }) })],
  ])("is %s", (_, error) => {
    expect(isNetworkError(error)).toBe(true);
  });

  it.each([
    ["SMTP 550", withFacts({ code: "EENVELOPE", responseCode: 550 })],
    ["HTTP 400", withFacts({ status: 400 })],
    ["an abort", new DOMException("x", "AbortError")],
    ["a unique violation", withFacts({ code: "23505" })],
    ["a file that is not there", withFacts({ code: "ENOENT", syscall: "open" })],
    ["a text", "ECONNRESET"],
    ["nothing", undefined],
    [
      "a cycle of causes",
      (() => {
        const error: Error = new Error("x");
        error.cause = error;
        return error;
      })(),
    ],
  ])("is not %s", (_, error) => {
    expect(isNetworkError(error)).toBe(false);
  });
});
