import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";
import type { JobCounts } from "../graphile/count-jobs.ts";
import { readPauses } from "../graphile/pauses-table.ts";
import { readWorkers, type RegisteredWorker } from "../worker/registered-workers.ts";
import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named, plural, shellWord } from "./words.ts";

/** No more findings of one kind: the worst come first. */
const mostOfAKind = 10;

interface JobsOfTask extends JobCounts {
  /** Whether there may be more of them. */
  readonly isCapped: boolean;
}

/** Jobs that wait too long, and those that no worker would take. */
export async function checkDueJobs({ db, counts, thresholds }: Target): Promise<readonly Finding[]> {
  const { tasks, isCapped } = await counts();
  const jobs = tasks.filter(({ due, scheduled }) => due + scheduled > 0).map((task) => ({ ...task, isCapped }));
  if (jobs.length === 0) return [];
  const pauses = await readPauses(db);
  const isPaused = ({ task }: JobsOfTask) =>
    pauses.some(({ kind, name }) => kind === "everything" || (kind === "task" && name === task));
  const knownTasks = await readKnownTasks(db);
  const living = (await readWorkers(db, thresholds.deadWorkerMs)).filter(({ isAlive }) => isAlive);
  const kindOf = ({ task }: JobsOfTask) => {
    if (isRunBy(living, task, knownTasks)) return "served";
    return living.length > 0 && !knownTasks.has(task) ? "unknown" : "lonely";
  };
  // Those that are paused have a finding of their own.
  const worst = jobs.filter((job) => !isPaused(job)).toSorted((a, b) => b.oldestDueAgeMs - a.oldestDueAgeMs);
  const most = (kind: string, isBad: (job: JobsOfTask) => boolean) =>
    worst.filter((job) => kindOf(job) === kind && isBad(job)).slice(0, mostOfAKind);
  return [
    ...most("lonely", ({ due, oldestDueAgeMs }) => due > 0 && oldestDueAgeMs > thresholds.noWorkerMs).map((job) =>
      withoutWorker(job, living, knownTasks),
    ),
    ...most("unknown", ({ oldestDueAgeMs, scheduled }) => scheduled > 0 || oldestDueAgeMs > thresholds.noWorkerMs).map(
      unknown,
    ),
    ...most("served", ({ due, oldestDueAgeMs }) => due > 0 && oldestDueAgeMs > thresholds.oldestDueMs).map(tooOld),
  ];
}

interface KnownTask {
  readonly msAgo: number;
  /** Workers that say nothing about themselves note their tasks every minute or, if that is slow, more rarely. */
  readonly isFresh: boolean;
}

async function readKnownTasks(db: Queryable): Promise<ReadonlyMap<string, KnownTask>> {
  const { rows } = await db.query(
    `select name, extract(epoch from now() - known_at) * 1000 as ms_ago, known_at > now() - interval '1 hour' as "isFresh"
     from acme_jobs.tasks where known_at > now() - interval '1 day'`,
  );
  return new Map(
    rows.map((row) => [String(row["name"]), { msAgo: Number(row["ms_ago"]), isFresh: isTrue(row["isFresh"]) }]),
  );
}

function isRunBy(living: readonly RegisteredWorker[], task: string, known: ReadonlyMap<string, KnownTask>): boolean {
  return living.some(({ about }) => (about ? about.tasks.includes(task) : known.get(task)?.isFresh === true));
}

/** For example "2 jobs of task "mail" are due". */
function jobsDue({ task, due, isCapped }: JobsOfTask): string {
  return `${isCapped ? "At least " : ""}${plural(due, "job")} of task ${named(task)} ${due === 1 ? "is" : "are"} due`;
}

function withoutWorker(
  job: JobsOfTask,
  living: readonly RegisteredWorker[],
  known: ReadonlyMap<string, KnownTask>,
): Finding {
  const { task, oldestDueAgeMs } = job;
  const seen = known.get(task);
  const last = seen === undefined ? "none has said so within a day" : `one last said so ${duration(seen.msAgo)} ago`;
  return finding({
    code: "NO_WORKER_FOR_TASK",
    severity: "error",
    what: `${jobsDue(job)}, the oldest for ${duration(oldestDueAgeMs)}, and no living worker runs this task; ${last}.`,
    why: `These jobs run only when a worker with the task starts. ${living.length === 0 ? "No worker is alive at all." : `${plural(living.length, "other worker")} ${living.length === 1 ? "is" : "are"} alive.`} Plain Graphile Workers are not seen.`,
    mend: `Start a worker that has ${named(task)} among its tasks, and see why the last one has stopped.`,
    command: "acme-jobs worker",
  });
}

function unknown({ task, due, scheduled }: JobsOfTask): Finding {
  return finding({
    code: "TASK_UNKNOWN",
    severity: "warning",
    what: `${plural(due + scheduled, "job")} (${few([`${due} due`, `${scheduled} scheduled`])}) of task ${named(task)} wait, which no worker has known for a day.`,
    why: "Perhaps the task was renamed or removed. Once they have been due for an hour, these jobs become dead letters, if this package enqueued them.",
    mend: "Start a worker that knows the task, or discard the jobs.",
    command: `acme-jobs jobs list --task ${shellWord(task)}`,
  });
}

function tooOld(job: JobsOfTask): Finding {
  const { task, oldestDueAgeMs } = job;
  return finding({
    code: "OLDEST_DUE_TOO_OLD",
    severity: "warning",
    what: `${jobsDue(job)}, and the oldest has waited for ${duration(oldestDueAgeMs)}.`,
    why: "Workers for the task are alive, but more comes than they do, they are busy with other tasks, or one job holds up a named queue.",
    mend: "See what the workers do. Start more of them or raise their concurrency; give slow tasks a worker of their own.",
    command: `acme-jobs stats --task ${shellWord(task)}`,
  });
}
