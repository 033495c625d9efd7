import { describe, expect, it, onTestFinished } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { kindOf } from "../../src/graphile/statement-kinds.ts";
import { interceptQueries } from "../../src/graphile/query-interceptor.ts";
import { createHangMemory } from "../../src/graphile/hang-memory.ts";
import { HeldJobs } from "../../src/graphile/held-jobs.ts";

const refused = { code: "GRAPHILE_WORKER_UNKNOWN" };

describe("a statement of Graphile Worker", () => {
  it("is recognized by its name and by the parts of its text that the package relies on", () => {
    const text = "delete from graphile_worker._private_jobs as jobs\nusing unnest($1::bigint[]) n(n)\nwhere id = n";

    expect(kindOf({ name: "complete_jobs/graphile_worker", text })).toBe("complete");
  });

  it.each([
    ["of another text", { name: "complete_jobs/other", text: "delete from jobs where id = any($1)" }],
    ["of a new name", { name: "finish_jobs/graphile_worker", text: "delete from jobs" }],
    ["without a name", { text: "delete from jobs" }],
    ["with a limit that is not its own", { name: "get_job77/graphile_worker", text: "limit 78\n" }],
  ])("is refused %s, and sent to nobody", async (_, config) => {
    await using test = await createTestJobs();
    const { signal } = new AbortController();
    const unknown: unknown[] = [];
    const { pool } = interceptQueries(test.jobsPool, {
      observer: {
        beforeFirstFetch: async () => undefined,
        onFetch: () => () => undefined,
        beforeFailing: async () => undefined,
        onWriteFailed: () => () => undefined,
        onReleased: () => undefined,
        onDisowned: () => undefined,
        onUnknownEngine: (error) => unknown.push(error),
      },
      nudge: () => undefined,
      isEnding: () => false,
      held: new HeldJobs(createHangMemory(1)),
      giveUp: signal,
      stopSignal: signal,
    });
    const client = await pool.connect();
    onTestFinished(() => client.release());

    expect(() => client.query(config)).toThrow(expect.objectContaining(refused) as Error);
    expect(unknown).toMatchObject([refused]);
  });
});
