import { expect } from "vitest";
import { addJob, deadLettersOf, jobWithKey, type Model } from "./model.ts";
import { modelled } from "./modelled-task.ts";
import { chosen, type Step } from "./step.ts";
import type { World } from "./world.ts";

const mostJobs = 8;

/** What applications and operators do. */
export function enqueue(key: string | undefined): Step {
  return {
    name: key === undefined ? "enqueue" : `enqueue(${key})`,
    isPossible: (model) => model.jobs.length < mostJobs,
    async act(model, { jobs, read }) {
      const id = await jobs.enqueue(modelled, {}, key === undefined ? {} : { key });
      const replaced = jobWithKey(model, storedKey(key));
      const inheritsNote = replaced?.place === "free" && (replaced.pending !== undefined || replaced.inheritsNote);
      dropByKey(model, storedKey(key));
      addJob(model, { id, rowId: await rowIdOf(id, read), key: storedKey(key), inheritsNote });
    },
  };
}

export function removeByKey(key: string): Step {
  return {
    name: `removeByKey(${key})`,
    isPossible(model) {
      const job = jobWithKey(model, storedKey(key));
      if (job === undefined) return false;
      return job.place === "free" || model.now - job.lockedAt < removesLockedAfterMs;
    },
    async act(model, { pool }) {
      await pool.query("select graphile_worker.remove_job($1)", [storedKey(key)]);
      dropByKey(model, storedKey(key));
    },
  };
}

export function retryDeadLetter(number: number): Step {
  return {
    name: `retryDeadLetter(${number})`,
    isPossible: (model) => deadLettersOf(model).length > 0,
    async act(model, { jobs, read }) {
      const letter = chosen(deadLettersOf(model), number);
      const retrying = jobs.deadLetters.retry(letter.id);
      if (jobWithKey(model, letter.key) !== undefined) {
        return expect(retrying).rejects.toMatchObject({ code: "DEAD_LETTER_SUPERSEDED" });
      }
      await retrying;
      letter.place = "gone";
      addJob(model, { ...letter, rowId: await rowIdOf(letter.id, read), inheritsNote: false });
    },
  };
}

export function discardDeadLetter(number: number): Step {
  return {
    name: `discardDeadLetter(${number})`,
    isPossible: (model) => deadLettersOf(model).length > 0,
    async act(model, { jobs }) {
      const letter = chosen(deadLettersOf(model), number);
      await jobs.deadLetters.discard(letter.id);
      letter.place = "gone";
    },
  };
}

/** Graphile Worker's own limit, after which a lock protects nothing. */
const removesLockedAfterMs = 4 * 3_600_000;

/** A job that waits goes at once; one that runs may still succeed. */
function dropByKey(model: Model, key: string | undefined): void {
  const job = jobWithKey(model, key);
  if (job === undefined) return;
  if (job.place === "free") job.place = "gone";
  else job.isDropped = true;
}

async function rowIdOf(id: string, read: World["read"]): Promise<string> {
  const { jobs } = await read();
  const row = jobs.find((job) => job.id === id);
  expect(row, "the added job").toBeDefined();
  return row?.rowId ?? "";
}

function storedKey(key: string | undefined): string | undefined {
  return key === undefined ? undefined : `${modelled.name}:${key}`;
}
