import { describe, expect, it } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { idOfJob } from "../../src/graphile/add-jobs.ts";

describe("the id of a job, among its flags", () => {
  it.each([
    ["alone", ["acme:id:7"], "7"],
    ["behind a flag of somebody else", ["zebra", "acme:id:7"], "7"],
    ["behind one that looks like it", ["acme:identity", "an acme:id:9", "acme:id:7"], "7"],
    ["beside one with a quote", ['"acme:id:9', "acme:id:7"], "7"],
    ["with a backslash in it", [String.raw`acme:id:7\n`], String.raw`7\n`],
    ["with a quote in it", ['acme:id:"7"'], '"7"'],
    ["in another language", ["acme:id:ключ"], "ключ"],
    ["missing", ["zebra"], undefined],
  ])("is read as PostgreSQL writes it: %s", async (_, flags, id) => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select graphile_worker.add_job('t', flags := $1::text[])", [flags]);

    const { rows } = await test.jobsPool.query<{ flags: string }>("select flags::text from graphile_worker.jobs");

    expect(idOfJob(rows[0]?.flags ?? null)).toBe(id);
  });

  it("is missing where there are no flags", () => {
    expect(idOfJob(null)).toBeUndefined();
  });
});
