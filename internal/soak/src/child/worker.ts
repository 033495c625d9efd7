import { setTimeout as pause } from "node:timers/promises";
import { createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs, perform } from "@acme/jobs";
import { countStock, printLabel, shipOrder } from "../orders.ts";
import { fail } from "./hostile-errors.ts";
import { end, logger, name, openPool, random, stopRequested, urls } from "./process.ts";

type Intent = "succeed" | "fail before the effect" | "fail after the effect";

const pool = openPool(10);
const unitOfWork = createUnitOfWork(pgTransactions(pool));
const jobs = createJobs({ connection: urls.jobs, outbox: { connection: urls.app }, logger });

/** Orders only ever come, so the higher count is the later one, whichever of two runs ends last. */
const countSql = `
  insert into soak.products as product (name, order_count) select $1, count(*) from soak.orders where product = $1
  on conflict (name) do update set order_count = greatest(product.order_count, excluded.order_count)`;

const worker = await jobs.startWorker({
  relay: false,
  tasks: [
    perform(shipOrder, async ({ orderId }, { idempotencyKey, jobId, attempt }) => {
      const intent = chooseIntent();
      await pool.query(
        `insert into soak.runs (order_id, idempotency_key, job_id, attempt, intent, run_by)
         values ($1, $2, $3, $4, $5, $6)`,
        [orderId, idempotencyKey, jobId, attempt, intent, name],
      );
      // Some take long enough for a kill to find them.
      await pause(random.chance(0.1) ? random.between(200, 1_000) : random.between(0, 60));
      if (intent === "fail before the effect") fail();
      await unitOfWork.runOnce(idempotencyKey, ({ tx }) =>
        tx.query("insert into soak.effects (order_id, idempotency_key, shipped_by) values ($1, $2, $3)", [
          orderId,
          idempotencyKey,
          name,
        ]),
      );
      if (intent === "fail after the effect") fail();
    }),
    perform(countStock, async ({ product }, { idempotencyKey }) => {
      // Long enough for its key to be taken by a newer job while it runs.
      await pause(random.chance(0.3) ? random.between(200, 1_000) : 0);
      await unitOfWork.runOnce(idempotencyKey, ({ tx }) => tx.query(countSql, [product]));
    }),
    perform(printLabel, async ({ label, version }) => {
      await pause(random.chance(0.3) ? random.between(100, 500) : 0);
      if (random.chance(0.05)) fail();
      await pool.query("insert into soak.prints (label, version) values ($1, $2)", [label, version]);
    }),
  ],
});

await stopRequested;
await worker.stop();
await jobs.close();
await pool.end();
end();

function chooseIntent(): Intent {
  if (random.chance(0.05)) return "fail before the effect";
  return random.chance(0.05) ? "fail after the effect" : "succeed";
}
