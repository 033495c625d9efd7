import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestJobs } from "../support/test-jobs.ts";
import { writeConfiguration } from "./support/configuration.ts";
import { createFilledJobs, exampleId, filledIds, queuedIds, secret, storedState } from "./support/filled-jobs.ts";
import { cliOn } from "./support/run-cli.ts";

const { due, failing, scheduled, locked, dead, otherDead } = filledIds;

let test: TestJobs;
let run: ReturnType<typeof cliOn>;
beforeEach(async () => {
  test = await createFilledJobs();
  run = cliOn(test.jobsUrl);
});
afterEach(() => test[Symbol.asyncDispose]());

/** Of the jobs in the queue, the state that the command line shows. */
async function stateOf(id: string): Promise<string> {
  const { stdout } = await run(`jobs show ${id} --json`);
  const details = JSON.parse(stdout) as { in: string; job?: { state: string; attempts: number } };
  return details.job?.state ?? details.in;
}

describe("a change", () => {
  it.each([
    "jobs run-now --task sendReceipt",
    "jobs put-off --all --until 2h",
    "jobs discard --all",
    `jobs discard ${due}`,
    "dead retry --all",
    "dead discard --error smtp",
    `dead discard ${dead}`,
    "dead purge --older-than 90d",
  ])("without a terminal wants --yes, and changes nothing: %s", async (line) => {
    const before = await storedState(test);

    const { exitCode, stdout, stderr } = await run(line);

    expect(stderr).toMatch(
      /^acme-jobs: There is nobody to ask: .*\d (?:job|dead letter)s?\? Say --yes to go on, .*\n$/,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(await storedState(test)).toEqual(before);
  });

  it.each([
    ["jobs run-now --task sendReceipt", 4, "job"],
    ["jobs put-off --all --until 2h", 4, "job"],
    ["jobs discard --failed --state scheduled", 1, "job"],
    [`jobs discard ${due} ${locked} none`, 1, "job"],
    ["dead retry --all", 2, "dead letter"],
    ["dead discard --since 2h", 1, "dead letter"],
    [`dead discard ${dead} none`, 1, "dead letter"],
    ["dead purge --older-than 90d", 1, "dead letter"],
  ])("with --dry-run says how many, and changes nothing: %s", async (line, count, noun) => {
    const before = await storedState(test);

    const text = await run(`${line} --dry-run`);
    const json = await run(`${line} --dry-run --json`);

    expect(text.stdout).toMatch(new RegExp(`^${count} ${noun}${count === 1 ? "" : "s"} would be [a-z ]+\\. .*\n$`));
    expect(JSON.parse(json.stdout)).toMatchObject({ dryRun: true, count });
    expect([text.exitCode, json.exitCode]).toEqual([0, 0]);
    expect(await storedState(test)).toEqual(before);
  });

  it.each([
    `jobs run-now none`,
    `jobs put-off none --until 2h`,
    `jobs discard none --yes`,
    `dead retry none`,
    `dead discard none --yes`,
  ])("of an id that nothing has ends with 1, and says so: %s", async (line) => {
    const { exitCode, stdout } = await run(line);

    expect(stdout).toMatch(/^0 (?:job|dead letter)s [a-z ]+, 1 skipped\.\n {2}none: There is no .*\n$/);
    expect(exitCode).toBe(1);
  });

  it("gives its reason back, on standard error or in the JSON", async () => {
    const text = await run(["jobs", "run-now", scheduled, "--reason", "ticket 7"]);
    const json = await run(["dead", "retry", dead, "--reason", "ticket 7", "--json"]);

    expect(text.stderr).toBe("Reason: ticket 7\n");
    expect(JSON.parse(json.stdout)).toEqual({ changedCount: 1, skippedCount: 0, skipped: [], reason: "ticket 7" });
  });

  it("of nothing is no failure", async () => {
    for (const line of ["jobs discard --task other", "dead retry --task other"]) {
      const { exitCode, stdout } = await run(line);
      expect(stdout).toMatch(/^0 (?:job|dead letter)s (?:discarded|retried)\.\n$/);
      expect(exitCode).toBe(0);
    }
  });
});

describe("jobs", () => {
  it("run-now makes a job due, named by its id or its jobId", async () => {
    const { exitCode, stdout } = await run(`jobs run-now ${failing} 3`);

    expect(stdout).toBe("2 jobs made due.\n");
    expect(exitCode).toBe(0);
    expect([await stateOf(failing), await stateOf(scheduled)]).toEqual(["due", "due"]);
  });

  it("put-off lets a job wait", async () => {
    expect((await run(`jobs put-off ${due} --until 3h`)).stdout).toBe("1 job put off.\n");

    expect((await run(`jobs show ${due}`)).stdout).toMatch(/attempt 1 in 2 h 59 min/);
  });

  it("discard removes jobs, and leaves what is locked", async () => {
    const { exitCode, stdout } = await run("jobs discard --all --yes");

    expect(stdout).toBe("3 jobs discarded, 1 skipped.\n");
    expect(exitCode).toBe(0);
    expect(await queuedIds(test)).toEqual([locked]);
  });

  it.each(["run-now", "put-off --until 2h", "discard --yes"])(
    "%s of a locked job ends with 1, and says why",
    async (line) => {
      const { exitCode, stdout } = await run(`jobs ${line} ${locked}`);

      expect(stdout).toMatch(new RegExp(`^0 jobs [a-z ]+, 1 skipped\\.\n  ${locked}: A worker has it\\.\n$`));
      expect(exitCode).toBe(1);
      expect(await stateOf(locked)).toBe("locked");
    },
  );

  it("discard of several ids does what it can, and ends with 1 for the rest", async () => {
    const { exitCode, stdout } = await run(`jobs discard --yes --json ${due} ${dead} ${locked}`);

    expect(JSON.parse(stdout)).toMatchObject({
      changedCount: 1,
      skippedCount: 2,
      skipped: [
        { id: dead, code: "JOB_MISSING", message: expect.stringContaining("It is a dead letter") as string },
        { id: locked, code: "JOB_LOCKED" },
      ],
    });
    expect(exitCode).toBe(1);
    expect(await queuedIds(test)).toEqual([failing, scheduled, locked]);
  });

  it("run-now of a job that is due already says so", async () => {
    const { exitCode, stdout } = await run(`jobs run-now ${due}`);

    expect(stdout).toBe(`0 jobs made due, 1 skipped.\n  ${due}: It is due already.\n`);
    expect(exitCode).toBe(1);
  });
});

describe("dead", () => {
  it("retry makes a job of a dead letter, with the same id", async () => {
    const { exitCode, stdout } = await run(`dead retry ${dead}`);

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "1 dead letter retried.\n" });
    expect(await stateOf(dead)).toBe("due");
    expect(await stateOf(otherDead)).toBe("deadLetters");
  });

  it("retry takes those that fit a filter, or all", async () => {
    expect((await run("dead retry --since 2h --yes")).stdout).toBe("1 dead letter retried.\n");
    expect([await stateOf(dead), await stateOf(otherDead)]).toEqual(["due", "deadLetters"]);
    expect((await run("dead retry --all --yes")).stdout).toBe("1 dead letter retried.\n");
    expect(await stateOf(otherDead)).toBe("due");
  });

  it("retry leaves one whose key a newer job has, and says why", async () => {
    await test.jobsPool.query(
      "update acme_jobs.dead_letters set key = (select key from graphile_worker.jobs where id = 1) where id = $1",
      [dead],
    );

    const one = await run(`dead retry ${dead}`);
    const all = await run("dead retry --all --yes");

    expect(one.stdout).toMatch(new RegExp(`^0 dead letters retried, 1 skipped\\.\n  ${dead}: .*\n$`));
    expect(one.exitCode).toBe(1);
    expect(all).toMatchObject({ stdout: "1 dead letter retried, 1 skipped.\n", exitCode: 0 });
    expect(await stateOf(dead)).toBe("deadLetters");
  });

  it("discard and purge remove dead letters", async () => {
    expect((await run(`dead purge --older-than 90d --yes`)).stdout).toBe("1 dead letter purged.\n");
    expect(await stateOf(dead)).toBe("deadLetters");
    expect((await run(`dead discard ${dead} --yes`)).stdout).toBe("1 dead letter discarded.\n");

    expect((await run("dead list")).stdout).toBe("No dead letters.\n");
    expect((await run(`dead show ${dead}`)).exitCode).toBe(1);
  });

  it("retry --payload puts a mended payload in, from the line, a file or standard input", async () => {
    await using configuration = await writeConfiguration();
    const { folder: cwd } = configuration;

    const { exitCode, stdout } = await run(`dead retry ${exampleId} --payload -`, { cwd, input: '{"orderId":"42"}' });

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "1 dead letter retried.\n" });
    const { stdout: shown } = await run(`jobs show ${exampleId} --show-payload --json`);
    expect(JSON.parse(shown)).toMatchObject({ payload: { orderId: "42" } });
  });

  it("retry --payload refuses what the task's schema refuses, and changes nothing", async () => {
    await using configuration = await writeConfiguration();
    const before = await storedState(test);

    const { exitCode, stdout, stderr } = await run(["dead", "retry", dead, "--payload", `{"x":"${secret}"}`], {
      cwd: configuration.folder,
    });

    expect(stdout).toContain("0 dead letters retried, 1 skipped.");
    expect(stdout).toContain("orderId is no text");
    expect(stdout + stderr).not.toContain(secret);
    expect(exitCode).toBe(1);
    expect(await storedState(test)).toEqual(before);
  });

  it("retry --payload wants a configuration with the task, and one id", async () => {
    for (const [line, message] of [
      [`dead retry ${dead} --payload {}`, 'The configuration has no task "sendReceipt"'],
      [`dead retry ${dead} ${otherDead} --payload {}`, "--payload is for one id."],
    ] as const) {
      const { exitCode, stderr } = await run(line);
      expect(stderr).toContain(message);
      expect(exitCode).toBe(2);
    }
  });
});

describe("enqueue", () => {
  it("prints the id of the job, which has what the options say", async () => {
    await using configuration = await writeConfiguration();
    const words = ["enqueue", "sendReceipt", '{"orderId":"42"}', "--run-at", "2h", "--queue", "q", "--key", "k"];

    const { exitCode, stdout } = await run([...words, "--priority", "-5"], { cwd: configuration.folder });

    expect(exitCode).toBe(0);
    const { stdout: shown } = await run(`jobs show ${stdout.trim()} --show-payload --json`);
    expect(JSON.parse(shown)).toMatchObject({
      job: { task: "sendReceipt", state: "scheduled", queue: "q", key: "sendReceipt:k", priority: -5 },
      payload: { orderId: "42" },
    });
  });

  it("refuses what the task's schema refuses, and a task that the configuration does not have", async () => {
    await using configuration = await writeConfiguration();
    const { folder: cwd } = configuration;
    const before = await storedState(test);

    const wrong = await run(["enqueue", "sendReceipt", `{"x":"${secret}"}`], { cwd });
    const unknown = await run(["enqueue", "other", "{}"], { cwd });

    expect(wrong).toMatchObject({ exitCode: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/orderId is no text.*\(PAYLOAD_INVALID\)/);
    expect(wrong.stderr).not.toContain(secret);
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toContain("or say --unchecked");
    expect(await storedState(test)).toEqual(before);
  });

  it("takes any task with --unchecked", async () => {
    const { exitCode, stdout } = await run(["enqueue", "other", "[1]", "--unchecked", "--json"]);

    expect(exitCode).toBe(0);
    const { id } = JSON.parse(stdout) as { id: string };
    expect(await stateOf(id)).toBe("due");
  });
});
