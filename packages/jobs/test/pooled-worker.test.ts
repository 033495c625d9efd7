import { describe, expect, it } from "vitest";
import { z } from "zod";
import { pgBouncerProgram, startPgBouncer } from "./pgbouncer.ts";
import { collectInto, createTestJobs, storedJobs } from "./test-jobs.ts";
import { createJobs, defineTask, perform } from "../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

describe.skipIf(pgBouncerProgram === undefined)("a worker through PgBouncer in transaction mode", () => {
  it.each([true, false])("is refused before it takes a job (migrate: %s)", async (migrate) => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.jobsUrl);
    await using jobs = createJobs({ connection: bouncer.url, logger: collectInto([]) });
    await jobs.enqueue(task, { n: 1 });

    const starting = jobs.startWorker({ tasks: [perform(task, () => undefined)], migrate });

    await expect(starting).rejects.toMatchObject({ code: "POOLER_UNSUPPORTED" });
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "t", attempts: 0 }]);
  });
});
