import { createJobs } from "@acme/jobs";
import { createTestDatabase } from "@acme/test-postgres";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli, type Databases } from "./run-cli.ts";
import { readRunbook } from "./runbook.ts";

/** What the runbook speaks of, by task. */
const jobsOf: Readonly<Record<string, readonly string[]>> = {
  sendReceipt: ["01a2058e-5eca-732c-8c8c-d07d261dac5e"],
  announceDelivery: ["01a2058d-db40-7419-903a-64afee91ac5e"],
  sendOffer: ["01a2058f-b49b-7667-97aa-859ec1fbac5e"],
  send_verification_email: ["01a20593-7491-70d7-bcdf-b139b078ac5e"],
};
const letter = {
  id: "01a2058d-a63c-72eb-aa1c-be65a8f1ac5e",
  task: "chargeCard",
  reason: "The card was reported as stolen",
};
const outboxRow = { id: "01a20590-c997-75fe-a42b-8f80a9eeac5e", task: "sendReceipt" };
const taskOf = new Map([
  ...Object.entries(jobsOf).flatMap(([task, ids]) => ids.map((id) => [id, task] as const)),
  [letter.id, letter.task],
  [outboxRow.id, outboxRow.task],
]);
const idPattern = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const { entries, commands } = readRunbook();
const stack = new AsyncDisposableStack();
let databases: Databases;

beforeAll(async () => {
  const queue = stack.use(await createTestDatabase());
  const data = stack.use(await createTestDatabase());
  databases = { JOB_QUEUE_DATABASE_URL: queue.url, DATABASE_URL: data.url };
  await using jobs = createJobs({ connection: queue.url, outbox: { connection: data.url } });
  await jobs.migrate();
  await fillQueue(queue.pool());
  await data
    .pool()
    .query("insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values ($1, $2, '{}', false)", [
      outboxRow.id,
      outboxRow.task,
    ]);
});

afterAll(() => stack.disposeAsync());

async function fillQueue(pool: Pool): Promise<void> {
  for (const [task, ids] of Object.entries(jobsOf)) {
    for (const id of ids) {
      await pool.query(
        "select graphile_worker.add_job($1, '{}', run_at => now() + interval '6 days', flags => array[$2])",
        [task, `acme:id:${id}`],
      );
    }
  }
  await pool.query(
    `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at)
     values ($1, $2, '{}', 0, $3, 1, '[]', now())`,
    [letter.id, letter.task, letter.reason],
  );
}

describe("each command of the runbook", () => {
  it("is read from the file, and names tasks and ids that are used there", () => {
    const named = commands.flatMap(({ text }) => text.match(idPattern) ?? []);
    const tasks = commands.flatMap(({ words }) => words.filter((_, index) => words[index - 1] === "--task"));

    expect(entries.length).toBeGreaterThan(14);
    expect(commands.length).toBeGreaterThan(40);
    expect(named.filter((id) => !taskOf.has(id))).toEqual([]);
    expect(tasks.filter((task) => ![...taskOf.values()].includes(task))).toEqual([]);
  });

  it("shows beside an id the task that has it", () => {
    const wrong = commands.flatMap(({ output }) =>
      output.split("\n").filter((line) => {
        const [id] = line.match(idPattern) ?? [];
        const task = id && taskOf.get(id);
        return task !== undefined && /^[0-9a-f]{8}-/.test(line.trim()) && !line.includes(task);
      }),
    );

    expect(wrong).toEqual([]);
  });

  // In the order of the file: some show what a later one changes.
  it.each([...new Map(commands.map((command) => [command.text, command])).values()])(
    "is understood: acme-jobs $text",
    async ({ words }) => {
      const [id = ""] = words.join(" ").match(idPattern) ?? [];
      const expected = words.includes("show") ? `${taskOf.get(id)} ` : "";

      const result = await runCli(words, databases);

      expect(result).toMatchObject({
        exitCode: expect.toBeOneOf([0, 1]),
        stdout: expect.stringContaining(expected),
        stderr: expect.not.stringMatching(/^ {4}at /m),
      });
    },
  );
});
