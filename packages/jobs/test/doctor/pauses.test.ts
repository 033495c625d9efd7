import { describe, expect, it } from "vitest";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { single } from "../support/killable-task.ts";
import { createTestJobs } from "../support/test-jobs.ts";

describe("a pause", () => {
  it("is told, so that nobody forgets it, and its jobs are not reported as late", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(single, { n: 1 }, { runAt: new Date(Date.now() - 86_400_000) });
    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual(["NO_WORKER_FOR_TASK"]);
    await test.jobsPool.query("insert into acme_jobs.tasks (name) values ('single')");
    await test.jobs.admin.pause({ task: "single" });
    await test.jobs.admin.pause({ queue: "bil ling" });
    await test.jobsPool.query("update acme_jobs.pauses set paused_at = now() - interval '2 days' where kind = 'queue'");

    const findings = await examine({ jobs: test.jobsUrl });

    expect(codesOf(findings)).toEqual(["PAUSED"]);
    expect(findingOf(findings, "PAUSED")).toMatchObject({
      severity: "warning",
      what: 'Somebody has paused the queue "bil ling", the task "single", the oldest pause 2 days ago. No worker has had the queue "bil ling" yet: the name may be wrong.',
      command: "acme-jobs resume --queue 'bil ling'",
    });
  });
});
