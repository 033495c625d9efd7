// A host whose clock is wrong: a worker with its relay, and whatever else it is asked to do.
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { openAttemptLedger } from "../support/attempt-ledger.ts";
import { clocked } from "../support/clocked-task.ts";
import { createJobs, NonRetryableError, perform } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";

process.once("disconnect", () => process.exit());
const { JOBS_URL: jobsUrl = "", DATA_URL: dataUrl, LEDGER_URL: ledgerUrl = "" } = process.env;
const { heartbeatMs, deadAfterMs } = JSON.parse(process.env["HEARTBEAT"] ?? "{}") as Record<string, number>;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const jobs = createJobs({ connection: jobsUrl, ...(dataUrl && { outbox: { connection: dataUrl } }), logger });
const ledger = openAttemptLedger(ledgerUrl);
const performClocked = perform(clocked, async ({ n, ends }, { attempt }) => {
  await ledger.note(n, attempt, "begun");
  process.send?.(`running ${n}`);
  if (ends === "never") return pause(600_000);
  const fails = ends === "badly for good" || (ends === "badly once" && attempt === 1);
  await ledger.note(n, attempt, fails ? "failed" : "done");
  if (ends === "badly for good") throw new NonRetryableError("on purpose");
  if (fails) throw new Error("on purpose");
});

const orders: Record<string, () => Promise<unknown>> = {
  "hours off": hoursOff,
  async work() {
    await jobs.startWorker({
      tasks: [performClocked],
      ...(heartbeatMs && { heartbeatMs }),
      ...(deadAfterMs && { deadAfterMs }),
    });
  },
  "enqueue for now": () => jobs.enqueue(clocked, { n: 7, ends: "well" }, { runAt: new Date() }).then(ignore),
  "purge what is older than half an hour": () => jobs.deadLetters.purge({ olderThanMs: 1_800_000 }),
  drain: () => drain(jobs, { tasks: [performClocked] }),
  async "minutes waited"() {
    const { outbox } = await jobs.health();
    return typeof outbox === "object" ? Math.floor(outbox.oldestAgeMs / 60_000) : outbox;
  },
};

process.on("message", (order: string) => {
  void orders[order]?.().then((answer) => process.send?.(`${order}: ${JSON.stringify(answer ?? "done")}`));
});
process.send?.("ready");

/** Every test relies on this: this clock and that of the database differ. */
async function hoursOff(): Promise<number> {
  const client = new Client({ connectionString: jobsUrl });
  await client.connect();
  const { rows } = await client.query<{ now: number }>(
    "select (extract(epoch from clock_timestamp()) * 1000)::float8 as now",
  );
  await client.end();
  return Math.round((Date.now() - rows[0]!.now) / 3_600_000);
}

function ignore(): void {}
