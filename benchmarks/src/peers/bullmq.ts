import { type JobQueue, taskName } from "./job-queue.ts";

export const bullmqSettings = (appendfsync: string) =>
  `Redis with appendonly yes, appendfsync ${appendfsync}; removeOnComplete; concurrency as the others`;

export function bullmqQueue(appendfsync: "everysec" | "no", name = "bullmq"): JobQueue {
  return {
    name,
    package: "bullmq",
    needs: "redis",
    async open({ redisUrls }) {
      if (redisUrls === undefined) throw new Error("There is no Redis.");
      const { Queue, Worker } = await import("bullmq");
      const { hostname: host, port } = new URL(redisUrls[appendfsync]);
      const connection = { host, port: Number(port), maxRetriesPerRequest: null };
      const queueName = `${taskName}-${process.pid}-${performance.now()}`;
      const queue = new Queue<{ n: number }>(queueName, {
        connection,
        defaultJobOptions: { removeOnComplete: true, removeOnFail: false },
      });
      await queue.waitUntilReady();
      return {
        enqueue: (n) => queue.add(taskName, { n }),
        enqueueMany: (numbers) => queue.addBulk(numbers.map((n) => ({ name: taskName, data: { n } }))),
        async startWorker(handle, { concurrency }) {
          const worker = new Worker<{ n: number }>(queueName, async ({ data }) => handle(data.n), {
            connection,
            concurrency,
          });
          worker.on("error", () => undefined);
          await worker.waitUntilReady();
          return { stop: () => worker.close() };
        },
        async remaining() {
          const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized", "failed");
          return Object.values(counts).reduce((sum, count) => sum + count, 0);
        },
        async [Symbol.asyncDispose]() {
          await queue.obliterate({ force: true });
          await queue.close();
        },
      };
    },
  };
}
