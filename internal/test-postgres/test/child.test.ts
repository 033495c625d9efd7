import { expect, it } from "vitest";
import { runChild } from "../src/index.ts";

const talkative = new URL("talkative.child.ts", import.meta.url);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it("waits for a message, also for one that came before", async () => {
  await using child = runChild(talkative, { env: { SAY: "first,second" } });

  await child.waitFor("second");
  await child.waitFor("first");

  expect(isAlive(child.pid)).toBe(true);
});

it("kills at the point that the child names", async () => {
  await using child = runChild(talkative, { env: { SAY: "here" } });

  await child.waitFor("here");
  const end = await child.kill();

  expect(end).toEqual({ exitCode: null, signal: "SIGKILL" });
});

it("hands messages to the child", async () => {
  await using child = runChild(talkative, { env: { SAY: "ready" } });

  await child.waitFor("ready");
  child.send("hello");

  await expect(child.waitFor("heard hello")).resolves.toBeUndefined();
});

it("rejects waitFor() with the child's stderr when the child ends without the message", async () => {
  await using child = runChild(talkative, { env: { FAIL: "out of luck" } });

  const waiting = child.waitFor("never");

  await expect(waiting).rejects.toMatchObject({
    message: expect.stringContaining('"never"'),
    cause: expect.objectContaining({ message: expect.stringContaining("out of luck") }),
  });
  await expect(child.waitFor("never")).rejects.toThrow("Waited in vain");
  expect(await child.ended).toEqual({ exitCode: 1, signal: null });
});

it("has ended the child once it is disposed", async () => {
  let pid = 0;

  {
    await using child = runChild(talkative, { env: { SAY: "ready" } });
    pid = child.pid;
    await child.waitFor("ready");
  }

  expect(isAlive(pid)).toBe(false);
});
