// What a stranger would try first, given the entries as one build has them: migrate, enqueue, and a worker that runs it.
import type * as Jobs from "@acme/jobs";
import type * as Testing from "@acme/jobs/testing";
import type * as Zod from "zod";

export interface SmokeModules {
  readonly main: typeof Jobs;
  readonly testing: typeof Testing;
  readonly zod: typeof Zod;
}

export const specifiers = { main: "@acme/jobs", testing: "@acme/jobs/testing", zod: "zod" };

export async function smoke({ main, testing, zod: { z } }: SmokeModules, url: string): Promise<void> {
  const double = main.defineTask("double", { payload: z.object({ n: z.number() }) });
  const ran: number[] = [];
  const performDouble = main.perform(double, ({ n }) => {
    ran.push(n);
    return n * 2;
  });
  const jobs = main.createJobs({ connection: url });
  try {
    await jobs.migrate();
    await jobs.enqueue(double, { n: 21 });
    await testing.drain(jobs, { tasks: [performDouble] });

    const { promise: done, resolve } = Promise.withResolvers<void>();
    const performOnce = main.perform(double, ({ n }) => {
      ran.push(n);
      resolve();
    });
    const worker = await jobs.startWorker({ tasks: [performOnce] });
    await jobs.enqueue(double, { n: 22 });
    await done;
    await worker.stop({ deadlineMs: 10_000 });
  } finally {
    await jobs.close();
  }
  if (String(ran) !== "21,22") throw new Error(`The jobs that ran are ${String(ran)}.`);
}

/** Where Node is older than the package claims, this is the error that says so. */
export function refusal({ main }: SmokeModules): string {
  try {
    main.createJobs({ connection: "postgres://127.0.0.1:1/none" });
    return "none";
  } catch (error) {
    return error instanceof main.JobsError ? error.code : String(error);
  }
}
