import { startProxy } from "@acme/test-postgres";
import { type HeldStep, lockTable, named, urlsOf, waitInTrigger } from "./held-step.ts";
import type { TestJobs } from "./test-jobs.ts";

export interface RelayStep {
  readonly title: string;
  readonly hold: (test: TestJobs) => Promise<HeldStep>;
  /** Of a relay that is paused there, the sides whose transactions keep others from its rows. */
  readonly blocking: readonly ("jobsUrl" | "dataUrl")[];
}

const both = ["dataUrl", "jobsUrl"] as const;

/** The steps of a batch, in their order. */
export const relaySteps: readonly RelayStep[] = [
  {
    title: "before it claims rows",
    hold: (test) => lockBeforeClaim(test),
    blocking: ["dataUrl"],
  },
  {
    title: "after it has claimed rows",
    hold: (test) => lockTable(test, test.jobsPool, "acme_jobs.taken in exclusive mode", "%into acme_jobs.taken%"),
    blocking: both,
  },
  {
    title: "after it has remembered their ids",
    hold: (test) =>
      lockTable(test, test.jobsPool, "graphile_worker._private_jobs in exclusive mode", "%graphile_worker.add_jobs%"),
    blocking: both,
  },
  {
    title: "after it has added the jobs",
    hold: (test) =>
      waitInTrigger(
        test,
        test.jobsPool,
        "trigger held after insert on graphile_worker._private_jobs for each statement",
        "%graphile_worker.add_jobs%",
      ),
    blocking: both,
  },
  {
    title: "while the jobs are being committed",
    hold: (test) => waitInJobsCommit(test),
    blocking: ["dataUrl"],
  },
  {
    title: "before it hears of the jobs' commit",
    hold: (test) => awaitReplyToJobsCommit(test),
    blocking: ["dataUrl"],
  },
  {
    title: "before it removes the rows",
    hold: (test) => lockBeforeRemoval(test),
    blocking: ["dataUrl"],
  },
  {
    title: "after it has removed the rows",
    hold: (test) =>
      waitInTrigger(
        test,
        test.dataPool,
        "trigger held after delete on acme_jobs.outbox for each statement",
        "delete from acme_jobs.outbox%",
      ),
    blocking: ["dataUrl"],
  },
  {
    title: "while the removal is being committed",
    hold: (test) =>
      waitInTrigger(
        test,
        test.dataPool,
        "constraint trigger held after delete on acme_jobs.outbox deferrable initially deferred for each row",
        "commit",
      ),
    blocking: [],
  },
  {
    title: "before it hears of the removal's commit",
    hold: (test) => awaitReplyToRemoval(test),
    blocking: [],
  },
];

/** An exclusive lock lets the relay see that there are rows, and claim none. */
export function lockBeforeClaim(test: TestJobs): Promise<HeldStep> {
  return lockTable(test, test.dataPool, "acme_jobs.outbox in exclusive mode", "%for update%");
}

export function waitInJobsCommit(test: TestJobs): Promise<HeldStep> {
  const trigger = "constraint trigger held after insert on acme_jobs.taken deferrable initially deferred for each row";
  return waitInTrigger(test, test.jobsPool, trigger, "commit");
}

export async function awaitReplyToJobsCommit(test: TestJobs): Promise<HeldStep> {
  const proxy = await startProxy(test.jobsUrl);
  const reply = proxy.holdCommitReply();
  return {
    ...urlsOf(test),
    jobsUrl: named(proxy.url),
    reached: () => reply.held,
    letGo: async () => reply.release(),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** The migration commits on this side, too; so the fault is armed when the relay has come as far as the removal. */
async function awaitReplyToRemoval(test: TestJobs): Promise<HeldStep> {
  const removal = await lockBeforeRemoval(test);
  const proxy = await startProxy(test.dataUrl);
  const reply = Promise.withResolvers<() => void>();
  return {
    ...urlsOf(test),
    dataUrl: named(proxy.url),
    async reached() {
      await removal.reached();
      const { held, release } = proxy.holdCommitReply();
      await removal.letGo();
      await held;
      reply.resolve(release);
    },
    letGo: async () => (await reply.promise)(),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** A share lock lets rows be claimed, and none be deleted. */
function lockBeforeRemoval(test: TestJobs): Promise<HeldStep> {
  return lockTable(test, test.dataPool, "acme_jobs.outbox in share mode", "delete from acme_jobs.outbox%");
}
