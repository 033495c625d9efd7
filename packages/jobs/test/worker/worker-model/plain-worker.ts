import { Logger, run, type Runner } from "graphile-worker";
import { Pool } from "pg";
import type { Model } from "./model.ts";

/** A plain Graphile Worker beside ours, with a task of its own. */
export interface PlainWorker extends AsyncDisposable {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createPlainWorker(model: Model, url: string): PlainWorker {
  const pgPool = new Pool({ connectionString: url, application_name: "plain", max: 4 });
  pgPool.on("error", () => undefined);
  pgPool.on("connect", (client) => client.on("error", () => undefined));
  let runner: Runner | undefined;

  const stop = async () => {
    await runner?.stop().catch(() => undefined);
    runner = undefined;
  };
  return {
    async start() {
      runner = await run({
        pgPool,
        taskList: {
          theirs: (payload) => {
            const { n } = payload as { n: number };
            const job = model.plainJobs.find((one) => one.n === n);
            if (job === undefined) model.violations.push(`the plain worker runs job ${n}, which is not its own`);
            else job.runCount += 1;
          },
        },
        concurrency: 1,
        pollInterval: 50,
        noHandleSignals: true,
        logger: new Logger(() => () => undefined),
      });
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await pgPool.end();
    },
  };
}
