import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { happened } from "../../src/conformance/events.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";
import { openSession, type Units } from "./units.ts";

/** A unit whose COMMIT has been sent and cannot end. */
export interface StalledCommit {
  /** What `run` says in the end. */
  readonly said: Promise<Said>;
  readonly transactionId: bigint;
}

export type Said = "resolved" | "unknown" | "rejected";

/**
 * Runs a unit up to the middle of its COMMIT: it inserts the row `id`, records the event `id` and waits for a lock that
 * nobody gives back, as one does whose server takes its time. None of it is on the disk, because nobody else writes.
 */
export async function stallCommit<Tx>(
  driver: TestedAdapter<Tx>,
  { unitOfWork }: Pick<Units<Tx>, "unitOfWork">,
  { id, serverUrl }: { readonly id: number; readonly serverUrl: string },
): Promise<StalledCommit & AsyncDisposable> {
  const holder = await openSession(serverUrl);
  await holder.client.query("select pg_advisory_lock(1)");
  const said = hear(
    unitOfWork.run(async ({ tx, record }) => {
      record(happened(id));
      await driver.query(tx, `insert into rows values (${id})`);
      await driver.query(tx, `insert into slow_to_commit values (${id})`);
    }),
  );

  const waiting = `select backend_xid::text as id from pg_stat_activity join pg_locks using (pid)
    where application_name = 'unit' and locktype = 'advisory' and not granted`;
  const find = async () => (await holder.client.query<{ id: string }>(waiting)).rows;
  await expect.poll(find, { interval: 5 }).toHaveLength(1);
  const [row] = await find();
  return { said, transactionId: BigInt(row!.id), [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose]() };
}

/**
 * Ends the session that keeps a stalled COMMIT waiting. This process stands still meanwhile, and for so long afterwards. Then comes a checkpoint,
 * behind which nobody can ask what became of a transaction.
 */
export function letCommitEnd(serverUrl: string, { standStillMs }: { readonly standStillMs: number }): void {
  const script = `
    const { Client } = require("pg");
    const client = new Client(process.argv[1]);
    client.connect()
      .then(() => client.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"))
      .then(() => client.query("select pg_sleep(${standStillMs / 1_000})"))
      .then(() => client.query("checkpoint"))
      .then(() => client.end())`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", script, serverUrl], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** What the caller of `run` has learned. */
export async function hear(running: Promise<unknown>): Promise<Said> {
  try {
    await running;
    return "resolved";
  } catch (error) {
    return (error as { code?: unknown }).code === "COMMIT_OUTCOME_UNKNOWN" ? "unknown" : "rejected";
  }
}
