import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createConnection } from "node:net";
import path from "node:path";
import { type Child, runChild } from "@acme/test-postgres";
import { afterEach, expect, it } from "vitest";
import { memberNames } from "../src/faults.ts";
import { isRunning } from "./is-running.ts";

let logDirectory: string | undefined;

afterEach(async () => {
  if (logDirectory !== undefined) await rm(logDirectory, { recursive: true, force: true });
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  it(`leaves no process behind after ${signal}`, async () => {
    await using soak = runChild(new URL("../src/soak.ts", import.meta.url), {
      args: ["--minutes", "5", "--seed", "1"],
    });
    const directory = await logDirectoryOf(soak);
    await expect.poll(() => pidsIn(directory).length).toBeGreaterThanOrEqual(memberNames.length);
    const port = portIn(directory);

    const { exitCode } = await soak.kill(signal);

    expect(exitCode).toBe(signal === "SIGKILL" ? null : 130);
    await expect.poll(() => pidsIn(directory).filter(isRunning)).toEqual([]);
    await expect.poll(() => isListening(port)).toBe(false);
  });
}

it("resumes and ends a member that is paused when the soak is killed", async () => {
  await using host = runChild(new URL("pausing-host.child.ts", import.meta.url));
  await host.waitFor("paused");
  const { pid, directory } = JSON.parse(host.stdout()) as { pid: number; directory: string };
  logDirectory = directory;
  expect(isRunning(pid)).toBe(true);

  await host.kill();

  await expect.poll(() => isRunning(pid)).toBe(false);
});

async function logDirectoryOf(soak: Child): Promise<string> {
  const named = () => /logs in (.+)$/m.exec(soak.stdout())?.[1] ?? "";
  await expect.poll(named).not.toBe("");
  logDirectory = named();
  return logDirectory;
}

function pidsIn(directory: string): number[] {
  const text = readdirSync(directory).map((file) => readFileSync(path.join(directory, file), "utf8"));
  return [...text.join("").matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid));
}

function portIn(directory: string): number {
  const text = readFileSync(path.join(directory, "injector.log"), "utf8");
  return Number(/port (\d+)/.exec(text)?.[1]);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket.destroy() && true));
    socket.once("error", () => resolve(false));
  });
}
