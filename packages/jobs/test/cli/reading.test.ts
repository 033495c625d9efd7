import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestJobs } from "../support/test-jobs.ts";
import { createFilledJobs, filledIds, hostile, secret } from "./support/filled-jobs.ts";
import { cliOn } from "./support/run-cli.ts";

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** Every command that only reads. */
const readingLines = [
  "",
  "status",
  "stats",
  "stats --task sendReceipt",
  "doctor",
  "jobs list",
  "jobs list --failed",
  `jobs show ${filledIds.failing} --stack`,
  `jobs show ${filledIds.locked}`,
  `jobs show ${filledIds.dead}`,
  "dead list",
  "dead list --group",
  `dead show ${filledIds.dead} --stack`,
  "workers",
  "queues",
  "outbox",
  "schedules list",
  "pauses",
  "pause --everything --dry-run",
  "schedules pause nightly-report --dry-run",
  "tasks",
  "dead retry --all --dry-run",
  "jobs discard --all --dry-run",
];

let filled: TestJobs;
let nasty: TestJobs;
beforeAll(async () => {
  [filled, nasty] = await Promise.all([createFilledJobs(), createFilledJobs(hostile, `Task${hostile}`)]);
});
afterAll(async () => {
  await filled[Symbol.asyncDispose]();
  await nasty[Symbol.asyncDispose]();
});

const run: ReturnType<typeof cliOn> = (...given) => cliOn(filled.jobsUrl)(...given);

/** The texts of a value that are meant as times, by the names that they have. */
function timesOf(value: unknown, name = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => timesOf(each, name));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, each]) => timesOf(each, key));
  return typeof value === "string" && /(?:At|^at|^minute)$/.test(name) ? [value] : [];
}

describe("a command that reads", () => {
  it.each(readingLines)("into a pipe prints text or JSON, but no colour and no payload: %j", async (line) => {
    const [text, json] = await Promise.all([run(line), run(`${line} --json`)]);

    for (const { exitCode, stdout, stderr } of [text, json]) {
      expect(stdout).not.toBe("");
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toContain("\u001b");
      expect(exitCode).toBe(/^(?:status|doctor|)$/.test(line) ? 1 : 0);
    }
    expect(timesOf(JSON.parse(json.stdout)).filter((time) => !isoTime.test(time))).toEqual([]);
    expect(json.stderr).toBe("");
  });

  it.each([...readingLines, `dead show ${filledIds.dead} --stack --show-payload`, "stats --format prometheus"])(
    "prints text of strangers so that the terminal does nothing about it: %j",
    async (line) => {
      const runNasty = cliOn(nasty.jobsUrl);
      const printed = await Promise.all([runNasty(line), runNasty(`${line} --json`)]);

      for (const { stdout, stderr } of printed) {
        expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u);
      }
    },
  );

  it("does print text of strangers", async () => {
    expect((await cliOn(nasty.jobsUrl)("jobs list")).stdout).toContain("End");
    expect((await cliOn(nasty.jobsUrl)("stats --format prometheus")).stdout).toContain("End");
    const { stdout } = await cliOn(nasty.jobsUrl)("dead list --json");
    expect(JSON.parse(stdout)).toMatchObject({ deadLetters: [{ reason: hostile }, { reason: hostile }] });
  });

  it("ends with 1 and says so if nothing has the id", async () => {
    for (const line of ["jobs show none", "dead show none"]) {
      const { exitCode, stdout, stderr } = await run(line);
      expect(stderr).toMatch(/^acme-jobs: There is no (?:job|dead letter) none\. .*\n$/);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    }
  });

  it("ends with 1 once it has taken longer than --timeout", async () => {
    const lock = await lockLetters(filled);

    const { exitCode, stderr } = await run("dead list --timeout 300ms");
    await lock[Symbol.asyncDispose]();

    expect(stderr).toBe("acme-jobs: There was no answer within 300 ms. Try again with a longer --timeout.\n");
    expect(exitCode).toBe(1);
  });
});

describe("the payload", () => {
  it.each([`dead show ${filledIds.dead}`, `jobs show ${filledIds.dead}`, `jobs show ${filledIds.due}`])(
    "is printed if it is asked for: %s --show-payload",
    async (line) => {
      const text = await run(`${line} --show-payload`);
      const json = await run(`${line} --show-payload --json`);

      expect(text.stdout).toContain(`"secret": "${secret}"`);
      expect(JSON.stringify(JSON.parse(json.stdout))).toContain(`{"secret":"${secret}"}`);
    },
  );

  it("of a locked job is not there to be read, which is said", async () => {
    const { exitCode, stdout } = await run(`jobs show ${filledIds.locked} --show-payload`);

    expect(stdout).toContain("A worker has the job. Its payload can be read when it ends.");
    expect(exitCode).toBe(0);
  });
});

describe("times", () => {
  it("are relative, or in ISO format if that is wanted", async () => {
    expect((await run("dead list")).stdout).toMatch(/sendReceipt {2}1 h(?: \d+ min)? ago/);
    expect((await run("dead list --time iso")).stdout).toMatch(/sendReceipt {2}\d{4}-\d\d-\d\dT[\d:.]+Z/);
    expect((await run(`jobs show ${filledIds.scheduled}`)).stdout).toMatch(/attempt 1 in 1 h \d+ min/);
    expect((await run(`jobs show ${filledIds.scheduled} --time iso`)).stdout).toMatch(/attempt 1 \d{4}-.*Z/);
  });
});

describe("remarks", () => {
  it("go to standard error, and --quiet leaves them out", async () => {
    const loud = await run("jobs list --limit 2 --time iso");
    const quiet = await run("jobs list --limit 2 --time iso --quiet");

    expect(loud.stderr).toMatch(/^There may be more: go on with --after \S+\n$/);
    expect(quiet).toEqual({ ...loud, stderr: "" });
  });
});

describe("lists", () => {
  it("go on page by page to the end", async () => {
    for (const line of ["jobs list --limit 3", "queues --limit 3", "dead list --limit 1"]) {
      const first = JSON.parse((await run(`${line} --json`)).stdout) as { next: string; [rows: string]: unknown };
      const second = JSON.parse(
        (await run([...line.split(" "), "--json", "--after", first.next])).stdout,
      ) as typeof first;
      const ids = [first, second].flatMap((page) => Object.values(page).filter(Array.isArray).flat() as object[]);
      expect(new Set(ids.map((row) => JSON.stringify(row))).size).toBe(line.startsWith("dead") ? 2 : 4);
    }
  });

  it("of jobs can be narrowed down", async () => {
    const idsOf = async (line: string) =>
      (JSON.parse((await run(`jobs list --json ${line}`)).stdout) as { jobs: { id: string }[] }).jobs.map(
        ({ id }) => id,
      );

    expect(await idsOf("--state due")).toEqual([filledIds.due]);
    expect(await idsOf("--state scheduled --failed")).toEqual([filledIds.failing]);
    expect(await idsOf("--state locked")).toEqual([filledIds.locked]);
    expect(await idsOf("--failed --error smtp")).toContain(filledIds.failing);
    expect(await idsOf("--task other")).toEqual([]);
    expect(await idsOf("--older-than 1h")).toEqual([]);
  });

  it("of dead letters can be narrowed down, and counted by task and error", async () => {
    const idsOf = async (line: string) =>
      (JSON.parse((await run(`dead list --json ${line}`)).stdout) as { deadLetters: { id: string }[] }).deadLetters.map(
        ({ id }) => id,
      );

    expect(await idsOf("")).toEqual([filledIds.dead, filledIds.otherDead]);
    expect(await idsOf("--since 2h")).toEqual([filledIds.dead]);
    expect(await idsOf("--until 2h")).toEqual([filledIds.otherDead]);
    expect(await idsOf("--task other")).toEqual([]);
    expect((await run("dead list --group")).stdout).toMatch(/sendReceipt +2 .*SMTP timed out\n$/);
  });
});

describe("stats", () => {
  it("prints a line for each task, or for the one that is asked for", async () => {
    expect((await run("stats")).stdout).toMatch(/^TASK .*\nsendReceipt +1 +2 +1 .* 2\n\nNo worker is alive\./);
    expect((await run("stats --task other")).stdout).toMatch(/^No tasks\./);
  });

  it("prints what Prometheus reads: name, labels, number, and a type before", async () => {
    const { stdout } = await run("stats --format prometheus");

    const lines = stdout.trimEnd().split("\n");
    expect(
      lines.filter(
        (line) =>
          !/^(?:# (?:HELP|TYPE) acme_\w+ .+|acme_\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? \d+(?:\.\d+)?)$/.test(line),
      ),
    ).toEqual([]);
    expect(lines).toContain("# TYPE acme_jobs_count gauge");
    expect(lines).toContain('acme_jobs_count{task="sendReceipt",state="scheduled"} 2');
    expect(lines).toContain('acme_jobs_dead_letters{task="sendReceipt"} 2');
  });

  it("prints the same JSON with --json and --format json", async () => {
    const [json, format] = await Promise.all([run("stats --json"), run("stats --format json")]);

    for (const { stdout } of [json, format]) {
      expect(JSON.parse(stdout)).toMatchObject({
        overview: { due: 1, scheduled: 2, locked: 1, dead: 2 },
        tasks: [{ task: "sendReceipt", due: 1, dead: 2 }],
        workers: [],
      });
    }
  });
});

/** Keeps the dead letters from being read. */
async function lockLetters({ jobsPool }: TestJobs): Promise<AsyncDisposable> {
  const holder = await jobsPool.connect();
  await holder.query("begin; lock table acme_jobs.dead_letters in access exclusive mode");
  return {
    async [Symbol.asyncDispose]() {
      await holder.query("rollback");
      holder.release();
    },
  };
}
