import { expect, it } from "vitest";
import { perform } from "../../../src/index.ts";
import { drain, enqueued } from "../../../src/testing/index.ts";
import { bill, mail, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

/** Makes dead letters of mails, in this order. */
async function die({ jobs }: World, names: readonly string[], key?: string): Promise<string[]> {
  const ids = [];
  const failing = perform(mail, ({ to }) => {
    throw new RangeError(`no ${to}`);
  });
  for (const to of names) {
    ids.push(await jobs.enqueue(mail, { to }, key === undefined ? {} : { key }));
    await drain(jobs, { tasks: [failing] });
  }
  return ids;
}

const performMail = (seen: unknown[]) =>
  perform(mail, ({ to }, { attempt, idempotencyKey }) => void seen.push([to, attempt, idempotencyKey]));

export function letterCases(world: () => World): void {
  it("lists dead letters, the latest first, in pages, and by a filter", async () => {
    const { deadLetters } = world().jobs;
    const [one, two, three] = await die(world(), ["ada 1", "bob 2", "ada 3"]);

    expect((await deadLetters.list()).map(({ id }) => id)).toEqual([three, two, one]);
    const [first] = await deadLetters.list({ limit: 1 });
    expect((await deadLetters.list({ after: first!.cursor })).map(({ id }) => id)).toEqual([two, one]);
    expect((await deadLetters.list({ error: "NO ADA" })).map(({ id }) => id)).toEqual([three, one]);
    expect(await deadLetters.list({ task: "bill/paid" })).toEqual([]);
    expect(await deadLetters.list({ until: new Date(0) })).toEqual([]);
    expect(await deadLetters.list({ since: new Date(0) })).toHaveLength(3);
    expect(await deadLetters.count({ error: "ada" })).toEqual({ count: 2, isCapped: false });
    const { groups } = await deadLetters.groups();
    expect(groups.map(({ error, count }) => [error, count])).toEqual([
      ["RangeError: no ada #", 2],
      ["RangeError: no bob #", 1],
    ]);
    expect(await deadLetters.get(two!)).toMatchObject({ payload: { to: "bob 2" }, queue: null, key: null, origin: {} });
    expect(await deadLetters.get("nowhere")).toBeUndefined();
  });

  it("makes a dead letter a job again, with its id and all its attempts", async () => {
    const { jobs } = world();
    const [id] = await die(world(), ["ada"], "k");
    const seen: unknown[] = [];

    await jobs.deadLetters.retry(id!);

    expect(await enqueued(jobs)).toMatchObject([{ id, payload: { to: "ada" }, key: "k", attempts: 0 }]);
    await drain(jobs, { tasks: [performMail(seen)] });
    expect(seen).toEqual([["ada", 1, id]]);
    expect(await jobs.deadLetters.list()).toEqual([]);
  });

  it("keeps the errors from before, and takes a mended payload", async () => {
    const { jobs } = world();
    const [id] = await die(world(), ["ada"]);

    await jobs.deadLetters.retry(id!, { task: mail, payload: { to: "bob" } });
    await drain(jobs, {
      tasks: [
        perform(mail, ({ to }) => {
          throw new Error(`not even ${to}`);
        }),
      ],
    });

    const [letter] = await jobs.deadLetters.list();
    expect(letter).toMatchObject({
      id,
      attempts: 1,
      errors: [{ attempt: 1, message: "no ada", isBeforeRetry: true }, { message: "not even bob" }],
    });
  });

  it("refuses to retry what is not there, what a newer job has replaced, and what is mended wrongly", async () => {
    const { jobs } = world();
    const [id] = await die(world(), ["ada"], "k");
    const mended = { task: bill, payload: { n: 1 } };

    await expect(jobs.deadLetters.retry("nowhere")).rejects.toMatchObject({ code: "DEAD_LETTER_MISSING" });
    await expect(jobs.deadLetters.discard("nowhere")).rejects.toMatchObject({ code: "DEAD_LETTER_MISSING" });
    await expect(jobs.deadLetters.retry(id!, mended)).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    const wrong = { task: mail, payload: { to: 1 as never } };
    await expect(jobs.deadLetters.retry(id!, wrong)).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    await jobs.enqueue(mail, { to: "bob" }, { key: "k" });
    await expect(jobs.deadLetters.retry(id!)).rejects.toMatchObject({ code: "DEAD_LETTER_SUPERSEDED" });
    expect(await jobs.deadLetters.list()).toHaveLength(1);
  });

  it("retries and discards many: of those with one key, only the latest becomes a job", async () => {
    const { jobs } = world();
    await die(world(), ["ada 1", "ada 2"], "k");
    await die(world(), ["bob 1", "bob 2", "eve"]);
    const progress: unknown[] = [];

    const onProgress = (at: unknown) => void progress.push(at);
    expect(await jobs.deadLetters.retryAll({ error: "ada" })).toEqual({ changedCount: 1, skippedCount: 1 });
    expect(await jobs.deadLetters.retryAll({ error: "bob" }, { onProgress })).toMatchObject({ changedCount: 2 });
    expect(progress).toEqual([{ doneCount: 2, total: 2, isTotalCapped: false }]);
    const seen: unknown[][] = [];
    await drain(jobs, { tasks: [performMail(seen)] });
    expect(seen.map(([to]) => to).toSorted()).toEqual(["ada 2", "bob 1", "bob 2"]);

    expect(await jobs.deadLetters.discardAll({})).toEqual({ changedCount: 2, skippedCount: 0 });
    expect(await jobs.deadLetters.count()).toEqual({ count: 0, isCapped: false });
  });

  it("discards one, and purges the old ones", async () => {
    const { jobs } = world();
    const [id] = await die(world(), ["ada", "bob"]);

    await jobs.deadLetters.discard(id!);
    expect(await jobs.deadLetters.purge({ olderThanMs: 60_000 })).toBe(0);
    expect(await jobs.deadLetters.purge({ olderThanMs: 0 })).toBe(1);
    expect(await drain(jobs, { tasks: [performBill([])] })).toMatchObject({ doneCount: 0 });
  });
}
