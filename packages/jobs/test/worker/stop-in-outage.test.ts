import { runChild } from "@acme/test-postgres";
import { expect, it } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";

const child = new URL("../children/stopping-worker.child.ts", import.meta.url);

it.each(["lost database", "ended pool"])(
  "a stop that cannot give back what was fetched ahead rejects, and does not end the process: %s",
  async (how) => {
    await using test = await createTestJobs();
    await using stopping = runChild(child, { env: { JOBS_URL: test.jobsUrl, HOW: how } });

    await stopping.waitFor("STOP_INCOMPLETE");

    expect(await stopping.ended).toMatchObject({ exitCode: 0 });
  },
);
