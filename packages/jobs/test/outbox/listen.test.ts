import { Pool } from "pg";
import { expect, it, onTestFinished, vi } from "vitest";
import { listen } from "../../src/outbox/listen.ts";
import { createTestJobs } from "../support/test-jobs.ts";

it("a lost connection of a listener is not kept in memory by the signal that ends the listener", async () => {
  await using test = await createTestJobs();
  const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
  const removed = vi.spyOn(AbortSignal.prototype, "removeEventListener");
  onTestFinished(() => {
    added.mockRestore();
    removed.mockRestore();
  });
  const kept = () => countAborts(added.mock.calls) - countAborts(removed.mock.calls);
  const pool = new Pool({ connectionString: test.jobsUrl });
  let heard = 0;
  const listener = listen(pool, "some_channel", () => (heard += 1));
  for (const connections of [1, 2, 3]) {
    // It calls back as soon as it listens.
    await expect.poll(() => heard).toBe(connections);
    await test.jobsPool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen some_channel'",
    );
  }
  await expect.poll(() => heard).toBe(4);

  // The connection it has now.
  expect(kept()).toBe(1);
  await listener.stop();
  await pool.end();
});

function countAborts(calls: readonly (readonly unknown[])[]): number {
  return calls.filter(([event, callback]) => event === "abort" && String(callback).includes("resolve()")).length;
}
