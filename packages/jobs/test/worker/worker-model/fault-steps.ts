import { expect } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { endAbsence, runningWorkers, wholeWorkers, type Model, type ModelWorker } from "./model.ts";
import type { RealWorker } from "./real-worker.ts";
import { chosen, type Step } from "./step.ts";
import type { World } from "./world.ts";

export function wait(milliseconds: number): Step {
  return { name: `wait(${milliseconds})`, isPossible: () => true, act: () => pause(milliseconds) };
}

/** Its connections break, and it gets no new ones. */
export function cut(number: number): Step {
  return onWorker("cut", number, wholeWorkers, async (worker) => worker.cut());
}

/** Nothing arrives any more, in either direction; the server knows nothing of that. */
export function silence(number: number): Step {
  return onWorker("silence", number, wholeWorkers, async (worker) => worker.silence());
}

/** It is considered dead while its code runs: the server has given it up, and it does not even know. */
export function vanish(number: number): Step {
  return onWorker("vanish", number, wholeWorkers, async (worker) => {
    worker.silence();
    await worker.terminate();
  });
}

export function heal(number: number): Step {
  const broken = (model: Model) => model.workers.filter(({ network }) => network !== "whole");
  return onWorker(
    "heal",
    number,
    broken,
    (worker) => worker.heal(),
    (model) => !model.isTableLocked,
  );
}

/** The server ends its sessions, which it opens again. */
export function terminate(number: number): Step {
  const act = async (worker: RealWorker, info: ModelWorker, _: Model, world: World) => {
    await worker.terminate();
    await expect.poll(() => isAnchored(world, info)).toBe(true);
    endAbsence(info);
  };
  return onWorker("terminate", number, wholeWorkers, act, (model) => !model.isTableLocked);
}

/** For one statement after the other until it is let go; the workers' own looks and writes wait for it. */
export function lockTable(table: string): Step {
  return {
    name: `lockTable(${table})`,
    isPossible: ({ isTableLocked }) => !isTableLocked,
    async act(model, world) {
      await world.query("begin");
      await world.query(`lock table ${table} in access exclusive mode`);
      model.isTableLocked = true;
    },
  };
}

export const letGo: Step = {
  name: "letGo",
  isPossible: ({ isTableLocked }) => isTableLocked,
  async act(model, world) {
    await world.query("commit");
    model.isTableLocked = false;
  },
};

/** Its jobs are gone. Their code runs on, while new jobs get the same ids. */
export function recreate(how: "empty" | "ready"): Step {
  return {
    name: `recreate(${how})`,
    isPossible: (model) => !model.isTableLocked && model.workers.every(({ network }) => network === "whole"),
    async act(model, world) {
      await world.plain.stop();
      for (const worker of model.workers) worker.lostAt ??= Date.now();
      model.epoch += 1;
      await world.recreate(how);
      await world.plain.start();
      for (const info of runningWorkers(model)) {
        await expect.poll(() => isAnchored(world, info), { timeout: 20_000 }).toBe(true);
      }
      model.workers.forEach(endAbsence);
    },
  };
}

/** Whether a session of it holds its lock. */
async function isAnchored({ query }: World, { index }: ModelWorker): Promise<boolean> {
  const rows = await query(
    `select from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and datname = current_database() and application_name = $1`,
    [`worker ${index}`],
  );
  return rows.length > 0;
}

function onWorker(
  name: string,
  number: number,
  candidates: (model: Model) => readonly ModelWorker[],
  act: (worker: RealWorker, info: ModelWorker, model: Model, world: World) => Promise<void>,
  isPossible: (model: Model) => boolean = () => true,
): Step {
  return {
    name: `${name}(${number})`,
    isPossible: (model) => candidates(model).length > 0 && isPossible(model),
    async act(model, world) {
      const info = chosen(candidates(model), number);
      await act(world.workers[info.index]!, info, model, world);
    },
  };
}
