import { createCommand } from "../command.ts";
import { parseCount } from "../input/count.ts";
import type { Program, Run } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { untilAborted } from "@acme/shared/timeout";

/** `worker`: runs the tasks of the configuration. */
export function addWorkerCommand(program: Program, run: Run): void {
  const worker = createCommand("worker", {
    description:
      "Run the tasks of the configuration until SIGTERM or Ctrl-C. What runs may end; a second signal ends the process.",
    examples: ["worker", "worker --concurrency 10 --probe-port 9090"],
  })
    .option("--concurrency <count>", "jobs that run at the same time", parseCount(1, 1_000))
    .option("--name <name>", "what `workers` calls it")
    .option("--probe-port <port>", "answer /live, /ready and /metrics on this port", parseCount(0, 65_535));
  worker.action(({ concurrency, name, probePort }) =>
    run(async (context) => {
      const config = await context.readConfig();
      if (config?.tasks === undefined) {
        throw new UsageError('A worker needs tasks: name them in "tasks" of acme-jobs.config.ts.');
      }
      const jobs = await context.openJobs();
      const { output, signal } = context;
      await using started = await jobs.startWorker({
        ...config.worker,
        tasks: config.tasks,
        ...(concurrency !== undefined && { concurrency }),
        ...(name !== undefined && { name }),
      });
      // Loaded where it is needed: a server costs every other command a tenth of its start.
      const { startProbe } = await import("../probe.ts");
      await using probe = probePort === undefined ? undefined : await startProbe(probePort, { jobs, worker: started });
      output.remark(`Worker ${started.state}${probe ? `, probes on port ${probe.port}` : ""}.`);
      await untilAborted(signal, started.finished).catch((error: unknown) => {
        if (error !== signal.reason) throw error;
      });
      output.remark("Worker is stopping.");
      await started.stop();
    }),
  );
  program.addCommand(worker);
}
