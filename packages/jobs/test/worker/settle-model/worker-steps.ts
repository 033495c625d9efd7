import { expect } from "vitest";
import { findDeadWorkers, recoverDeadWorker, sweepFailures } from "../../../src/worker/recover-dead-workers.ts";
import { livingWorkers, type Model, type ModelWorker } from "./model.ts";
import { chosen, type Step } from "./step.ts";
import { recoverJob, settleJob } from "./what-follows.ts";
import type { World } from "./world.ts";

/** Without a heartbeat for so long a worker is dead, if its lock is free. Longer than a step takes. */
const deadAfterMs = 60_000;

const fresh = "clock_timestamp()";
const old = "clock_timestamp() - interval '1 hour'";

let poolCount = 0;

export function startWorker(number: number): Step {
  const idle = ({ workers }: Model) => workers.filter(({ poolId }) => poolId === undefined);
  return {
    name: `startWorker(${number})`,
    isPossible: (model) => idle(model).length > 0,
    async act(model, world) {
      const worker = chosen(idle(model), number);
      worker.poolId = `pool-${(poolCount += 1)}`;
      await world.pool.query("insert into acme_jobs.workers (pool_id) values ($1)", [worker.poolId]);
      await setLock(world, worker, true);
      await setHeartbeat(world, worker, fresh);
    },
  };
}

/** `leaves`: it says so itself, as after a stop that was not clean. */
export function die(number: number, leaves: boolean): Step {
  return {
    name: `${leaves ? "leave" : "die"}(${number})`,
    isPossible: (model) => livingWorkers(model).length > 0,
    async act(model, world) {
      const worker = chosen(livingWorkers(model), number);
      const poolId = worker.poolId ?? "";
      await setHeartbeat(world, worker, leaves ? "'-infinity'" : old);
      await setLock(world, worker, false);
      worker.poolId = undefined;
      model.deadPools.push(poolId);
      model.runs = model.runs.filter((run) => run.poolId !== poolId || run.stage !== "released");
    },
  };
}

/** Its event loop is blocked: no heartbeat, but the lock is held. */
export function stall(number: number): Step {
  return onWorker("stall", number, async (worker, _, world) => {
    await setLock(world, worker, true);
    await setHeartbeat(world, worker, old);
  });
}

/** Its session is lost, as by a restart of the server: no lock, but it lives. */
export function loseSession(number: number): Step {
  return onWorker("loseSession", number, async (worker, _, world) => {
    await setHeartbeat(world, worker, fresh);
    await setLock(world, worker, false);
  });
}

export function recover(number: number): Step {
  return onWorker("recover", number, async ({ index, poolId }, model, { sessions }) => {
    const locked = model.runs.filter((run) => model.deadPools.includes(run.poolId));
    const session = sessions[index]!;
    const suspects = { ownPoolIds: [poolId ?? ""], deadAfterMs, unchanged: [] };
    await session.query("begin");
    let count = 0;
    for (const dead of await findDeadWorkers(session, suspects))
      count += await recoverDeadWorker(session, suspects, dead);
    await session.query("commit");
    expect(count, "recovered jobs").toBe(locked.length);

    for (const run of locked) recoverJob(model, run);
    model.runs = model.runs.filter((run) => !locked.includes(run));
    model.lostRuns.push(...locked.filter(({ stage }) => stage === "running"));
    model.deadPools = [];
  });
}

/** A sweep by any worker, over all notes that have been unsettled for a while. */
export function sweep(number: number): Step {
  return onWorker("sweep", number, async ({ index }, model, { sessions, pool }) => {
    await pool.query("update acme_jobs.failures set updated_at = updated_at - interval '2 seconds'");
    await sweepFailures(sessions[index]!);
    model.jobs.forEach(settleJob);
  });
}

export function wait(milliseconds: number): Step {
  return {
    name: `wait(${milliseconds})`,
    isPossible: () => true,
    async act(model, world) {
      await world.wait(milliseconds);
      model.waitedMs += milliseconds;
    },
  };
}

async function setHeartbeat({ pool }: World, { poolId }: ModelWorker, at: string): Promise<void> {
  await pool.query(`update acme_jobs.workers set heartbeat_at = ${at} where pool_id = $1`, [poolId]);
}

async function setLock({ sessions }: World, worker: ModelWorker, isHeld: boolean): Promise<void> {
  if (worker.holdsLock === isHeld) return;
  worker.holdsLock = isHeld;
  const lock = isHeld ? "pg_advisory_lock" : "pg_advisory_unlock";
  await sessions[worker.index]!.query(`select ${lock}(hashtextextended('acme_jobs:worker:' || $1, 0))`, [
    worker.poolId,
  ]);
}

function onWorker(
  name: string,
  number: number,
  act: (worker: ModelWorker, model: Model, world: World) => Promise<void>,
): Step {
  return {
    name: `${name}(${number})`,
    isPossible: (model) => livingWorkers(model).length > 0,
    act: (model, world) => act(chosen(livingWorkers(model), number), model, world),
  };
}
