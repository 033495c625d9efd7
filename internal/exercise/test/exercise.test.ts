import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { faults } from "../src/run-exercise.ts";
import { shuffle } from "../src/shuffle.ts";
import { callPerson } from "./person.ts";

const script = fileURLToPath(new URL("../src/exercise.ts", import.meta.url));

/** Lets a person who has the runbook hear what the exercise says, and nothing else. */
async function play(seed: number, said: string[]): Promise<void> {
  const exercise = spawn(process.execPath, [script, "--seed", String(seed)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(exercise, "exit");
  try {
    await listen(exercise, said);
  } finally {
    exercise.kill("SIGTERM");
    await ended;
  }
}

async function listen(exercise: ChildProcess, said: string[]): Promise<void> {
  let url: string | undefined;
  let shift: ReturnType<typeof callPerson> | undefined;
  let trouble: unknown;
  for await (const line of createInterface({ input: exercise.stdout! })) {
    said.push(line);
    url ??= /export JOB_QUEUE_DATABASE_URL=(\S+)/.exec(line)?.[1];
    const symptom = /^\[\d of \d\] (.*)/.exec(line)?.[1];
    if (symptom !== undefined && url !== undefined) {
      shift = callPerson(symptom, { JOB_QUEUE_DATABASE_URL: url });
      shift.catch((error: unknown) => {
        trouble = error;
        exercise.kill("SIGTERM");
      });
    }
    if (line.startsWith("Mended")) await (await shift)?.goHome();
  }
  if (trouble !== undefined) throw new Error("The person could not help.", { cause: trouble });
}

describe("the exercise", () => {
  it("plants its faults in an order that the seed decides", () => {
    expect(shuffle(faults, 1)).toEqual(shuffle(faults, 1));
    expect(shuffle(faults, 1)).not.toEqual(shuffle(faults, 2));
    expect(new Set(shuffle(faults, 1))).toEqual(new Set(faults));
  });

  it.concurrent.for([1, 2])(
    "is mended by somebody who has the symptoms and the runbook: seed %i",
    async (seed, { onTestFailed }) => {
      const said: string[] = [];
      onTestFailed(() => void process.stderr.write(`${said.join("\n")}\n`));
      await play(seed, said);

      const mended = said.filter((line) => line.startsWith("Mended in"));
      expect(mended.map((line) => line.replace(/^.*?: (.*)\.$/, "$1"))).toEqual(
        shuffle(faults, seed).map(({ name }) => name),
      );
      expect(said.filter((line) => line.startsWith("But"))).toEqual([]);
      expect(said).toContain("All faults are mended.");
    },
  );
});
