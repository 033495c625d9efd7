import { startServer } from "@acme/test-postgres";
import { beforeEach, describe, expect, it } from "vitest";
import { createJobs } from "../../src/index.ts";
import { addLetters } from "../support/add-letters.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";
import { createFilledJobs, filledIds, queuedIds, storedState } from "./support/filled-jobs.ts";
import { ctrlC, needsTerminal, startInTerminal, type Terminal } from "./support/terminal.ts";

beforeEach(needsTerminal);

const enterScreen = "\x1b[?1049h";
/** The usual screen, and the cursor. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for.
const left = /\x1b\[\?25h\x1b\[\?1049l(?:\x1b\[\?25h)?[^\x1b]*$/;
// oxlint-disable-next-line no-control-regex -- as above.
const colour = /\x1b\[(?:\d+;)*(?:[1-9]|[39]\d)m/;

describe("in a terminal", () => {
  it("the output has colours, unless NO_COLOR or --no-color says otherwise", async () => {
    await using test = await createFilledJobs();
    const url = test.jobsUrl;

    const [coloured, plain, noColor] = [
      startInTerminal(["status"], { url }),
      startInTerminal(["status", "--no-color"], { url }),
      startInTerminal(["status"], { url, env: { NO_COLOR: "1" } }),
    ];

    expect(await Promise.all([coloured, plain, noColor].map(({ exitCode }) => exitCode))).toEqual([1, 1, 1]);
    expect(coloured.text()).toMatch(colour);
    expect(plain.text()).not.toContain("\x1b");
    expect(noColor.text()).not.toContain("\x1b");
  });

  it("a table is cut to the width", async () => {
    await using test = await createFilledJobs("x".repeat(100));

    const terminal = startInTerminal(["dead", "list", "--no-color"], { url: test.jobsUrl });
    await terminal.exitCode;

    const lines = terminal.text().trimEnd().split("\r\n");
    expect(lines.slice(1).map((line) => line.length)).toEqual([120, 120]);
    expect(lines.at(-1)).toMatch(/x…$/);
  });
});

describe.each(["status", "doctor"])("%s", (command) => {
  it("is ended by the first Ctrl-C, also while the database keeps it waiting", async () => {
    await using test = await createTestJobs();
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table acme_jobs.workers, acme_jobs.installation, acme_jobs.dead_letters");

    const terminal = startInTerminal([command, "--no-color"], { url: test.jobsUrl });
    const waiting =
      "select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())";
    await expect.poll(async () => (await test.jobsPool.query(waiting)).rowCount).toBeGreaterThan(0);
    terminal.press(ctrlC);

    expect(await terminal.exitCode).toBe(1);
    expect(terminal.text()).toContain("acme-jobs: Stopped.");
    holder.release(true);
  });
});

describe("a question", () => {
  it("tells the count, and y goes on", async () => {
    await using test = await createFilledJobs();

    const terminal = startInTerminal(["dead", "retry", "--all", "--no-color"], { url: test.jobsUrl });
    await expect.poll(terminal.text).toContain("Retry 2 dead letters?");
    terminal.press("y");

    expect(await terminal.exitCode).toBe(0);
    expect(terminal.text()).toContain("2 dead letters retried.");
    expect(await queuedIds(test)).toContain(filledIds.dead);
  });

  it.each([
    ["n", "n"],
    ["Enter", "\r"],
    ["Ctrl-C", ctrlC],
    ["Escape", "\x1b"],
  ])("that is answered by %s changes nothing, ends with 1 and gives the cursor back", async (_name, keys) => {
    await using test = await createFilledJobs();
    const before = await storedState(test);

    const terminal = startInTerminal(["jobs", "discard", "--all", "--no-color"], { url: test.jobsUrl });
    await expect.poll(terminal.text).toContain("Discard 4 jobs?");
    terminal.press(keys);

    expect(await terminal.exitCode).toBe(1);
    expect(terminal.text().lastIndexOf("\x1b[?25h")).toBeGreaterThan(terminal.text().lastIndexOf("\x1b[?25l"));
    expect(await storedState(test)).toEqual(before);
  });

  it("is not asked with --yes, nor for a retry of ids", async () => {
    await using test = await createFilledJobs();

    for (const words of [
      ["dead", "retry", filledIds.dead],
      ["jobs", "discard", filledIds.due, "--yes"],
    ]) {
      const terminal = startInTerminal(words, { url: test.jobsUrl });
      expect(await terminal.exitCode).toBe(0);
      expect(terminal.text()).not.toContain("?\r\n");
    }
  });
});

describe("a change of many", () => {
  it("shows how far it has come, and then the result", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 3_000, task: "t" });

    const terminal = startInTerminal(["dead", "retry", "--all", "--yes"], { url: test.jobsUrl });

    expect(await terminal.exitCode).toBe(0);
    expect(terminal.text()).toMatch(/\d+ of 3000/);
    expect(terminal.text().trimEnd()).toMatch(/3,000 dead letters retried\.$/);
  });

  it("shows nothing on the way with --quiet", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_200, task: "t" });

    const terminal = startInTerminal(["dead", "retry", "--all", "--yes", "--quiet"], { url: test.jobsUrl });

    expect(await terminal.exitCode).toBe(0);
    expect(terminal.text()).toBe("1,200 dead letters retried.\r\n");
  });

  it("is ended by Ctrl-C between two batches, which keeps what is done, and the same command goes on", async () => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_500, task: "t" });
    const holder = await test.jobsPool.connect();
    await test.jobsPool.query(`
      create function hold() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock(22); return old; end $$;
      create trigger hold before delete on acme_jobs.dead_letters for each row
        when ((old.payload ->> 'n')::int = 700) execute function hold()`);
    await holder.query("select pg_advisory_lock(22)");
    const words = ["dead", "retry", "--all", "--yes", "--no-color"];

    const terminal = startInTerminal(words, { url: test.jobsUrl });
    await expect.poll(terminal.text).toContain("500 of 1500");
    process.kill(terminal.pid(), "SIGINT");
    await holder.query("select pg_sleep(0.5)");
    await holder.query("select pg_advisory_unlock(22)");
    holder.release();

    expect(await terminal.exitCode).toBe(1);
    expect(terminal.text()).toContain(
      "Stopped. What is changed stays changed; the same command goes on with the rest.",
    );
    expect(await test.jobs.deadLetters.count()).toEqual({ count: 500, isCapped: false });
    const again = startInTerminal(words, { url: test.jobsUrl });
    expect(await again.exitCode).toBe(0);
    expect(await test.jobs.deadLetters.count()).toEqual({ count: 0, isCapped: false });
  });
});

describe("stats --watch", () => {
  async function startWatching(url: string): Promise<Terminal> {
    const terminal = startInTerminal(["stats", "--watch"], { url });
    await expect.poll(terminal.text).toContain("q quits");
    return terminal;
  }

  it.each([
    ["q", (terminal: Terminal) => terminal.press("q")],
    ["Ctrl-C", (terminal: Terminal) => terminal.press(ctrlC)],
    ["SIGTERM", (terminal: Terminal) => process.kill(terminal.pid(), "SIGTERM")],
    ["SIGINT", (terminal: Terminal) => process.kill(terminal.pid(), "SIGINT")],
  ])("draws on a screen of its own, and %s leaves it", async (_name, leave) => {
    await using test = await createFilledJobs();
    const terminal = await startWatching(test.jobsUrl);
    expect(terminal.text()).toContain("sendReceipt");
    await expect.poll(() => terminal.text().split("q quits").length).toBeGreaterThan(2);

    leave(terminal);

    expect([0, 1]).toContain(await terminal.exitCode);
    expect(terminal.text().startsWith(enterScreen)).toBe(true);
    expect(terminal.text()).toMatch(left);
  });

  it("says that the database has gone away, draws again when it is back, and leaves the screen meanwhile", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await using jobs = createJobs({ connection: server.url("jobs"), logger: collectInto([]) });
    await jobs.migrate();
    await jobs.close();
    const terminal = await startWatching(server.url("jobs"));
    const other = await startWatching(server.url("jobs"));

    await server.kill();
    await expect.poll(terminal.text).toContain("It is tried again.");
    await expect.poll(other.text).toContain("It is tried again.");
    other.press("q");

    expect(await other.exitCode).toBe(0);
    expect(other.text()).toMatch(left);
    await server.start();
    const failedAt = terminal.text().lastIndexOf("It is tried again.");
    await expect.poll(() => terminal.text().indexOf("No worker is alive.", failedAt)).toBeGreaterThan(0);
    terminal.press("q");
    expect(await terminal.exitCode).toBe(0);
    expect(terminal.text()).toMatch(left);
  });

  it("is left at once by q while an answer is awaited", async () => {
    await using test = await createFilledJobs();
    const terminal = await startWatching(test.jobsUrl);
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table acme_jobs.workers in access exclusive mode");
    await expect
      .poll(async () => (await holder.query("select from pg_locks where not granted")).rowCount)
      .toBeGreaterThan(0);

    terminal.press("q");
    await expect.poll(terminal.text, { timeout: 1_500 }).toMatch(left);
    await holder.query("rollback");
    holder.release();

    expect(await terminal.exitCode).toBe(0);
  });
});
