import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "./support/test-jobs.ts";
import { createJobs, defineTask, perform, retry } from "../src/index.ts";
import { drain } from "../src/testing/index.ts";

const payload = z.object({ n: z.number() });
const task = defineTask("t", { payload });
const tasks = [perform(task, () => undefined)];

describe("an option that does not exist", () => {
  it.each([
    ["delay", "RETRY_INVALID", () => retry.fixed({ attempts: 2, delayMs: 1, delay: 5 } as never)],
    ["delay", "RETRY_INVALID", () => retry.exponential({ attempts: 2, delay: 5 } as never)],
    ["maxDelay", "RETRY_INVALID", () => retry.linear({ attempts: 2, delayMs: 1, maxDelay: 5 } as never)],
    ["attempts", "RETRY_INVALID", () => retry.schedule([1], { attempts: 5 } as never)],
    ["timeout", "TASK_INVALID", () => defineTask("t", { payload, timeout: 5 } as never)],
    ["pool", "OPTIONS_INVALID", () => createJobs({ connection: "postgres://127.0.0.1:1/none", pool: 5 } as never)],
  ])("is refused with its name: %s", (name, code, make) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(`no option "${name}"`) }));
  });

  it("is refused before anything is started or enqueued", async () => {
    await using test = await createTestJobs({ outbox: true });
    const { jobs } = test;
    const refused = (name: string, code = "OPTIONS_INVALID") =>
      expect.objectContaining({ code, message: expect.stringContaining(`no option "${name}"`) }) as Error;

    await expect(jobs.enqueue(task, { n: 1 }, { runat: new Date() } as never)).rejects.toEqual(
      refused("runat", "ENQUEUE_INVALID"),
    );
    await expect(jobs.startWorker({ tasks, concurency: 5 } as never)).rejects.toEqual(refused("concurency"));
    expect(() => jobs.startRelay({ batch: 5 } as never)).toThrow(refused("batch"));
    await expect(drain(jobs, { tasks, timeoutMs: 5 } as never)).rejects.toEqual(refused("timeoutMs"));
    expect((await jobs.health()).workers).toEqual([]);
  });
});
