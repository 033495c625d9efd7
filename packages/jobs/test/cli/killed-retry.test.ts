import { once } from "node:events";
import { expect, it } from "vitest";
import { addLetters } from "../support/add-letters.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { cliOn, startCli } from "./support/run-cli.ts";

const count = 3_000;

it("a retry of 3,000 dead letters that is killed loses none and makes none twice, and the same command goes on to the end", async () => {
  await using test = await createTestJobs();
  await addLetters(test.jobsPool, { count, task: "t" });
  const before = await places(test);
  // The fourth batch waits here, so the kill is in the middle, however fast the machine is.
  const holder = await test.jobsPool.connect();
  await test.jobsPool.query(`
    create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(22); return old; end $$;
    create trigger hold before delete on acme_jobs.dead_letters for each row
      when ((old.payload ->> 'n')::int = 1200) execute function hold()`);
  await holder.query("select pg_advisory_lock(22)");
  const child = startCli(["dead", "retry", "--all", "--yes"], { env: { DATABASE_URL: test.jobsUrl } });
  const isWaiting = async () => {
    const { rowCount } = await test.jobsPool.query(
      `select from pg_locks where locktype = 'advisory' and objid = 22 and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    return rowCount;
  };
  await expect.poll(isWaiting).toBe(1);

  child.kill("SIGKILL");
  await once(child, "close");
  await test.jobsPool.query(
    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 22 and not granted",
  );
  await expect.poll(isWaiting).toBe(0);
  await holder.query("select pg_advisory_unlock(22)");
  holder.release();

  const after = await places(test);
  expect(after.jobs.length).toBe(1_500);
  expect([...after.jobs, ...after.letters].toSorted()).toEqual(before.letters.toSorted());

  const { exitCode, stdout } = await cliOn(test.jobsUrl)("dead retry --all --yes");

  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "1,500 dead letters retried.\n" });
  const last = await places(test);
  expect(last.letters).toEqual([]);
  expect(last.jobs.toSorted()).toEqual(before.letters.toSorted());
});

/** The ids of all jobs and of all dead letters. */
async function places({ jobsPool }: TestJobs) {
  const jobs = await jobsPool.query<{ id: string }>(
    `select substr(flag, 9) as id from graphile_worker._private_jobs, jsonb_object_keys(flags) as flag
     where flag like 'acme:id:%'`,
  );
  const letters = await jobsPool.query<{ id: string }>("select id from acme_jobs.dead_letters");
  return { jobs: jobs.rows.map(({ id }) => id), letters: letters.rows.map(({ id }) => id) };
}
