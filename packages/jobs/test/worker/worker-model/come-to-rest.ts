import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { expectPromises } from "./expect-promises.ts";
import { letGo } from "./fault-steps.ts";
import { openRuns, runningWorkers, type Model } from "./model.ts";
import { looked } from "./step.ts";
import { join } from "./worker-steps.ts";
import type { World } from "./world.ts";

const longestMs = 30_000;

/** All is healed and every gate opened: then every job is done or a dead letter, and nothing is left behind. */
export async function comeToRest(model: Model, world: World): Promise<void> {
  if (model.isTableLocked) await looked(letGo, model, world);
  for (const worker of model.workers) if (worker.network !== "whole") await world.workers[worker.index]!.heal();
  while (runningWorkers(model).length < model.workers.length) await looked(join(0), model, world);

  await untilNothingIsLeft(model, world);
  expectPromises(model, await world.read());

  await Promise.all(world.workers.map((worker) => worker.stop()));
  const left = await world.query("select pool_id, heartbeat_at::text from acme_jobs.workers");
  expect(left, "workers that have not left").toEqual([]);
}

async function untilNothingIsLeft(model: Model, world: World): Promise<void> {
  const states = model.workers.map(() => "running");
  const nothing = { jobs: [], unsettled: 0, lockedQueues: 0, openCount: 0, states };
  for (const until = Date.now() + longestMs; ; await pause(50)) {
    for (const run of openRuns(model)) run.finish("success");
    const { letters, ...rows } = await world.read();
    expectPromises(model, { letters, ...rows });
    // Their times were looked at above.
    model.isRushed = true;
    await makeDue(world);
    const left = { ...rows, openCount: openRuns(model).length, states: world.workers.map(({ state }) => state) };
    if (isDeepStrictEqual(left, nothing)) return;
    if (Date.now() > until) expect(left, "what is left").toEqual(nothing);
  }
}

/** Without the jobs whose end is still to be written. */
async function makeDue({ query }: World): Promise<void> {
  await query(`update graphile_worker._private_jobs as job set run_at = now()
    where locked_by is null and run_at > now()
      and not exists (select from acme_jobs.failures as note where note.job_id = job.id and not note.is_settled)`);
}
