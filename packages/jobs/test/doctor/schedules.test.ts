import { describe, expect, it, onTestFinished } from "vitest";
import { schedule } from "../../src/index.ts";
import { declare } from "../../src/schedule/declare.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { everyMinute, report } from "../support/schedules.ts";
import { createTestJobs } from "../support/test-jobs.ts";

async function declared(changes: string) {
  const test = await createTestJobs();
  onTestFinished(() => test[Symbol.asyncDispose]());
  await declare(test.jobsPool, [schedule(report, everyMinute)]);
  await test.jobsPool.query(`update acme_jobs.schedules set ${changes}`);
  return examine({ jobs: test.jobsUrl });
}

describe("a schedule", () => {
  it("is late, though a worker has it", async () => {
    const findings = await declared("next_at = now() - interval '5 minutes', failure = 'The payload does not fit.'");

    expect(codesOf(findings)).toEqual(["SCHEDULE_LATE"]);
    expect(findingOf(findings, "SCHEDULE_LATE")).toMatchObject({
      severity: "error",
      what: 'The tick of the schedule "report" is late, at most by 5 min, although a worker has the schedule.',
      why: "Its job cannot be made: The payload does not fit.",
    });
  });

  it("has no worker that has it any more", async () => {
    const findings = await declared("next_at = now() - interval '1 day', seen_at = now() - interval '3 hours'");

    expect(codesOf(findings)).toEqual(["SCHEDULE_UNDECLARED"]);
    expect(findingOf(findings, "SCHEDULE_UNDECLARED")).toMatchObject({
      severity: "warning",
      what: 'No worker has had the schedule "report" for 3 h.',
      command: "acme-jobs schedules remove report",
    });
  });

  it("is declared differently by workers, for longer than a deployment takes", async () => {
    const disputed = await declared("disputed_at = now(), declared_at = now() - interval '20 minutes'");
    const deploying = await declared("disputed_at = now()");

    expect(codesOf(disputed)).toEqual(["SCHEDULE_DISPUTED"]);
    expect(codesOf(deploying)).toEqual([]);
  });

  it.each([
    ["is healthy", "seen_at = now()"],
    ["is paused", "paused_at = now(), next_at = now() - interval '1 day', seen_at = now() - interval '1 day'"],
    ["has ended", "next_at = null, seen_at = now() - interval '1 day'"],
    ["has just come due", "next_at = now() - interval '10 s'"],
  ])("that %s is no news", async (_, changes) => {
    expect(codesOf(await declared(changes))).toEqual([]);
  });
});
