import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WorkerReport, WorkerRequest } from "../process/growth-worker.child.ts";

/** Worker processes on one database. */
export interface Fleet {
  /** Resolves when each has begun its first job. */
  readonly begun: Promise<unknown>;
  /** Jobs that have run so far in all of them. */
  runs(): Promise<number>;
  /** Resolves with the jobs that have run, when no process is left. */
  stop(): Promise<number>;
}

export interface FleetOptions {
  readonly databaseUrl: string;
  readonly processes: number;
  readonly taskCount: number;
  readonly concurrency: number;
}

export function startFleet({ databaseUrl, processes, taskCount, concurrency }: FleetOptions): Fleet {
  const file = fileURLToPath(new URL("../process/growth-worker.child.ts", import.meta.url));
  const children = Array.from({ length: processes }, () =>
    fork(file, [databaseUrl, String(taskCount), String(concurrency)]),
  );

  return {
    begun: Promise.all(children.map(report)),
    runs: () => sum(children.map((child) => ask(child, "mark"))),
    async stop() {
      const ended = children.map((child) => once(child, "exit"));
      const runs = await sum(children.map((child) => ask(child, "stop")));
      await Promise.all(ended);
      return runs;
    },
  };
}

async function sum(reports: Promise<number>[]): Promise<number> {
  return (await Promise.all(reports)).reduce((total, runs) => total + runs, 0);
}

async function ask(child: ChildProcess, request: WorkerRequest): Promise<number> {
  const answer = report(child);
  child.send(request);
  return answer;
}

async function report(child: ChildProcess): Promise<number> {
  const failed = new AbortController();
  const ended = once(child, "exit", { signal: failed.signal }).then(() => {
    throw new Error("A worker process ended by itself.");
  });
  try {
    const [{ runs }] = (await Promise.race([once(child, "message", { signal: failed.signal }), ended])) as [
      WorkerReport,
    ];
    return runs;
  } finally {
    failed.abort();
    ended.catch(() => undefined);
  }
}
