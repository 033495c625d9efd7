import type { AppDatabase } from "./app-database.ts";
import type { BackgroundJobs, BackgroundJobsHealth } from "./background-jobs.ts";
import { shareAnswers } from "./shared-answer.ts";

/**
 * How the app is, part by part.
 *
 * `up`: all is well. `degraded`: it serves, but mails wait, because the jobs database or the worker is down. `down`: it cannot
 * serve, because the app database is down or it is stopping.
 */
export interface Health {
  readonly status: "up" | "degraded" | "down";
  readonly parts: HealthParts;
}

interface HealthParts extends BackgroundJobsHealth {
  readonly server: "up" | "stopping";
  readonly appDatabase: "up" | "down";
}

/**
 * Asks every part. It answers within a few seconds, whatever hangs.
 *
 * Anybody may ask, as often as they like: what the databases have said counts for a second. A stop shows at once.
 */
export function createHealthCheck({ database, backgroundJobs, isStopping, now }: HealthNeeds) {
  const askDatabases = shareAnswers(() => Promise.all([isUp(database.ping()), backgroundJobs.health()]), {
    forMs: 1_000,
    now,
  });
  return async function checkHealth(): Promise<Health> {
    const [appDatabase, jobs] = await askDatabases();
    const server = isStopping() ? "stopping" : "up";
    const parts = { server, appDatabase, ...jobs } as const;
    return { status: statusOf(parts), parts };
  };
}

interface HealthNeeds {
  readonly database: Pick<AppDatabase, "ping">;
  readonly backgroundJobs: Pick<BackgroundJobs, "health">;
  readonly isStopping: () => boolean;
  readonly now?: () => number;
}

function statusOf({ server, appDatabase, jobsDatabase, worker }: HealthParts): Health["status"] {
  if (server === "stopping" || appDatabase === "down") return "down";
  return jobsDatabase === "down" || worker === "down" ? "degraded" : "up";
}

async function isUp(asked: Promise<unknown>): Promise<"up" | "down"> {
  return await asked.then(
    () => "up" as const,
    () => "down" as const,
  );
}
