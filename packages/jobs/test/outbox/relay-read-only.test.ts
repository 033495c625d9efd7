import type { ClientBase } from "pg";
import { expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs, outboxCount } from "../support/test-jobs.ts";
import { defineTask } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

/** What an operator does around a switch-over: new sessions may only read, and the older ones are ended. */
async function setReadOnly(client: ClientBase, how: "reset" | "set"): Promise<void> {
  const value = how === "set" ? " = on" : "";
  const set = `alter database %I ${how} default_transaction_read_only${value}`;
  await client.query(`do $$ begin execute format('${set}', current_database()); end $$`);
  if (how === "reset") return;
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
}

it("a relay goes on after the jobs database was read-only for a while", { timeout: 30_000 }, async () => {
  await using test = await createTestJobs({ outbox: true });
  test.jobsPool.on("error", () => undefined);
  // Its connections were made before, and may write.
  const operator = await test.jobsPool.connect();
  await using relay = test.jobs.startRelay({ pollIntervalMs: 50 });
  await test.jobs.enqueue(task, { n: 1 });
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

  await setReadOnly(operator, "set");
  await test.jobs.enqueue(task, { n: 2 });
  const codes = () => test.log.map(({ fields }) => (fields["err"] as { code?: string } | undefined)?.code);
  await expect.poll(codes, { timeout: 10_000 }).toContain("25006");
  await setReadOnly(operator, "reset");

  await expect.poll(() => outboxCount(test.dataPool), { timeout: 10_000 }).toBe(0);
  operator.release();
  await relay.stop();
});
