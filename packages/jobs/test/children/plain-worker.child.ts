// A plain Graphile Worker, beside ours, that runs the tasks it is given one job at a time: MODE is "do", "fail" or "hold".
import type { Task } from "graphile-worker";

// PACKAGE names the package of another version.
const { JOBS_URL = "", TASKS = "", MODE, PACKAGE = "graphile-worker" } = process.env;
const { run } = (await import(PACKAGE)) as typeof import("graphile-worker");
const toldToGoOn = Promise.withResolvers<void>();
process.once("message", () => toldToGoOn.resolve());
// The test has ended, whatever ended it.
process.once("disconnect", () => process.exit());

const write: Task = async (payload, { query }) => {
  const { n } = payload as { n: number };
  process.send?.("running");
  if (MODE === "hold") await toldToGoOn.promise;
  if (MODE === "fail") throw new Error("in the plain worker");
  await query("insert into effects values ($1)", [n]);
};

const runner = await run({
  connectionString: JOBS_URL,
  taskList: Object.fromEntries(TASKS.split(",").map((name) => [name, write])),
  concurrency: 1,
  pollInterval: 50,
  noHandleSignals: true,
});

// One that hears of a migration which it cannot go on after ends by itself.
await runner.promise.catch(() => undefined);
process.exit();
