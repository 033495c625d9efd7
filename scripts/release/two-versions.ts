import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "pg";
import { runOrThrow } from "../packages/run.ts";
import { enqueueProgram, workerProgram } from "./worker-program.ts";

export interface Deployed {
  readonly folder: string;
  readonly version: string;
}

const jobCount = 1_500;

/**
 * A deploy while jobs run: workers of the version before, then of both versions, then of the new one alone.
 *
 * @throws an error that names the jobs which did not run, or ran twice.
 */
export async function deployWhileJobsRun(before: Deployed, after: Deployed, url: string): Promise<string> {
  const pool = new Pool({ connectionString: url });
  const workers: ChildProcess[] = [];
  try {
    await pool.query("create table runs (n int not null, version text not null)");
    const third = jobCount / 3;
    workers.push(await startWorker(before, url));
    await enqueue(before, url, [0, third]);
    await untilRunBy(before.version, pool);

    workers.push(await startWorker(after, url));
    await Promise.all([
      enqueue(before, url, [third, 2 * third]),
      enqueue(after, url, [2 * third, jobCount - third / 2]),
    ]);
    await untilRunBy(after.version, pool);
    await stopWorker(workers.shift());
    await enqueue(after, url, [jobCount - third / 2, jobCount]);
    await untilNoneWaits(pool);
    await stopWorker(workers.shift());
    return await report(pool);
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
    await pool.end();
  }
}

async function startWorker({ folder, version }: Deployed, url: string): Promise<ChildProcess> {
  const file = join(folder, "worker.mjs");
  await writeFile(file, workerProgram);
  const worker = fork(file, [version], { cwd: folder, env: { ...process.env, DATABASE_URL: url }, execArgv: [] });
  await Promise.race([once(worker, "message"), failIfItEnds(worker)]);
  return worker;
}

async function failIfItEnds(worker: ChildProcess): Promise<never> {
  const [exitCode] = (await once(worker, "exit")) as [number | null];
  throw new Error(`A worker ended before it ran: ${exitCode}.`);
}

async function stopWorker(worker: ChildProcess | undefined): Promise<void> {
  if (worker === undefined) return;
  const ended = once(worker, "exit");
  worker.send("stop");
  const [exitCode] = (await ended) as [number | null];
  if (exitCode !== 0) throw new Error(`A worker was asked to stop and ended with ${exitCode}.`);
}

async function enqueue({ folder }: Deployed, url: string, range: readonly number[]): Promise<void> {
  await writeFile(join(folder, "enqueue.mjs"), enqueueProgram);
  const program = [process.execPath, "enqueue.mjs", ...range.map(String)];
  await runOrThrow(program, { cwd: folder, env: { DATABASE_URL: url } });
}

function untilRunBy(version: string, pool: Pool): Promise<void> {
  return until(pool, "select count(*) > 20 as holds from runs where version = $1", [version]);
}

function untilNoneWaits(pool: Pool): Promise<void> {
  return until(pool, "select not exists (select from graphile_worker.jobs) as holds", []);
}

async function until(pool: Pool, sql: string, values: readonly string[]): Promise<void> {
  for (let looks = 0; looks < 600; looks += 1) {
    const { rows } = await pool.query<{ holds: boolean }>(sql, [...values]);
    if (rows[0]?.holds === true) return;
    await pause(200);
  }
  throw new Error(`This did not become true within two minutes: ${sql}`);
}

async function report(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ version: string; count: string }>(
    "select version, count(*) from runs group by version order by version",
  );
  const { rows: wrong } = await pool.query<{ n: number; times: string }>(
    `select n, count(runs.n) as times from generate_series(0, $1 - 1) as n left join runs using (n)
     group by n having count(runs.n) <> 1 order by n`,
    [jobCount],
  );
  if (wrong.length > 0) {
    const some = wrong.slice(0, 10).map(({ n, times }) => `${n} (${times} times)`);
    throw new Error(`${wrong.length} of ${jobCount} jobs did not run once: ${some.join(", ")}`);
  }
  return `${jobCount} jobs, each once: ${rows.map(({ version, count }) => `${count} by ${version}`).join(", ")}`;
}
