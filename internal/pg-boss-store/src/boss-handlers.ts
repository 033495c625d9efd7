import { randomUUID } from "node:crypto";
import type { DurableHandler, DurableStore } from "@acme/domain-events";
import type { JobInsert, PgBoss } from "pg-boss";

interface BossRequest {
  readonly queue: string;
  readonly job: JobInsert & { readonly id: string };
}

/** Returns a function that makes handlers whose work is a job of pg-boss. The queues have to be there: `boss.createQueue(queue)`. */
export function createBossDurable(boss: PgBoss) {
  // One store for all handlers: a unit of work then writes the jobs of each queue in one statement.
  const store: DurableStore = {
    async write(given, transaction) {
      const requests = given as readonly BossRequest[];
      const options = transaction && {
        db: { executeSql: (text: string, values: unknown[] = []) => transaction.query(text, values) as Rows },
      };
      for (const [queue, ofQueue] of Map.groupBy(requests, (request) => request.queue)) {
        const jobs = ofQueue.map(({ job }) => job);
        await boss.insert(queue, jobs, options);
      }
      const ids = requests.map(({ job }) => job.id);
      return transaction && { witness: { text: "select from pgboss.job where id = any ($1::uuid[])", values: [ids] } };
    },
    // pg-boss polls, and nobody has to be told.
    wake() {},
  };
  return function durable<Event>(
    queue: string,
    toData: (event: Event) => object,
    options?: Omit<JobInsert, "id" | "data">,
  ): DurableHandler<Event> {
    return {
      delivery: "durable",
      name: `pg-boss(${queue})`,
      store,
      toRequest: (event): BossRequest => ({ queue, job: { ...options, id: randomUUID(), data: toData(event) } }),
    };
  };
}

/** pg-boss promises rows of any kind, and only reads them. */
type Rows = Promise<{ rows: Record<string, unknown>[] }>;
