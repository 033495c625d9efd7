/** What each version runs: a worker that notes which job it has run, and ends as a deploy ends it. */
export const workerProgram = `
import { createJobs, defineTask, perform } from "@acme/jobs";
import { Pool } from "pg";
import { z } from "zod";

const [version] = process.argv.slice(2);
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on("error", () => {});
const jobs = createJobs({ connection: process.env.DATABASE_URL });
await jobs.migrate();
const note = defineTask("note", { payload: z.object({ n: z.number() }) });
const worker = await jobs.startWorker({
  tasks: [perform(note, ({ n }) => pool.query("insert into runs (n, version) values ($1, $2)", [n, version]))],
  concurrency: 4,
});
process.send("running");
process.once("message", async () => {
  await worker.stop({ deadlineMs: 20_000 });
  await jobs.close();
  await pool.end();
  process.disconnect();
});
`;

/** Enqueues the jobs with these numbers, ten in each transaction. */
export const enqueueProgram = `
import { createJobs, defineTask } from "@acme/jobs";
import { z } from "zod";

const [from, to] = process.argv.slice(2).map(Number);
const jobs = createJobs({ connection: process.env.DATABASE_URL });
const note = defineTask("note", { payload: z.object({ n: z.number() }) });
for (let n = from; n < to; n += 10) {
  await jobs.enqueueMany(note, Array.from({ length: 10 }, (_, index) => ({ n: n + index })));
}
await jobs.close();
`;
