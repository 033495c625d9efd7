import { createJobs } from "@acme/jobs";
import { Client } from "pg";
import type { HeldJobs } from "./faults.ts";

const retryMs = 200;

type Pause = (ms: number) => Promise<void>;

/**
 * Pauses jobs for a while, and notes between which times of the server no fetch may begin that brings one.
 *
 * @param url - That of the server as it is by now: it may be another one after a failover.
 */
export async function holdJobs({ what, forMs }: HeldJobs, url: () => string, pause: Pause): Promise<void> {
  const task = typeof what === "object" && "task" in what ? what.task : null;
  const insistOn = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (;;) {
      try {
        return await work();
      } catch {
        // The server may be away, or refuse it for a while.
        await pause(retryMs);
      }
    }
  };
  const sayNow = () => insistOn(() => ask(url(), "select clock_timestamp()::text as now", []));

  await insistOn(() => withAdmin(url(), (admin) => admin.pause(what)));
  const from = await sayNow();
  await pause(forMs);
  const to = await sayNow();
  await insistOn(() =>
    ask(url(), "insert into soak_jobs.held (task, from_at, to_at) values ($1, $2, $3)", [task, from, to]),
  );
  await insistOn(() => withAdmin(url(), (admin) => admin.resume(what)));
}

type Admin = ReturnType<typeof createJobs>["admin"];

async function withAdmin(connection: string, work: (admin: Admin) => Promise<unknown>): Promise<void> {
  await using jobs = createJobs({ connection });
  await work(jobs.admin);
}

/** @returns the first value */
async function ask(connectionString: string, sql: string, values: readonly unknown[]): Promise<string | undefined> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ now: string }>(sql, [...values]);
    return rows[0]?.now;
  } finally {
    await client.end().catch(() => undefined);
  }
}
