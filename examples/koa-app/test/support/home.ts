import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChild, type Child } from "@acme/test-postgres";
import { expect } from "vitest";
import { choosePort } from "../../src/http/server.ts";

export type Settings = Readonly<Record<string, string>>;

/** A data directory and a port of one test's own. */
export async function createHome() {
  const directory = await mkdtemp(join(tmpdir(), "koa-app-test-"));
  const dataDir = join(directory, "data");
  const port = await choosePort({ host: "127.0.0.1", port: 0 });
  const url = `http://localhost:${port}/`;
  // Empty counts as unset: what the machine that runs the tests has set must not matter.
  const unset = { DATABASE_URL: "", JOB_QUEUE_DATABASE_URL: "", SMTP_URL: "", NODE_OPTIONS: "" };
  const environment = (settings: Settings) => ({ ...unset, DATA_DIR: dataDir, PORT: `${port}`, ...settings });
  const pathOf = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));
  const run = (file: string, settings: Settings = {}) => runChild(pathOf(file), { env: environment(settings) });
  return {
    dataDir,
    url,
    /** Starts a program, and waits for nothing. */
    launch: run,
    /** Starts a program and waits until it is at work. */
    async start(file: "main.ts" | "worker.ts", settings?: Settings): Promise<Child> {
      const child = run(file, settings);
      const sign = file === "main.ts" ? "server started" : "worker started";
      const atWork = async () => await expect.poll(() => messagesOf(child), { timeout: 40_000 }).toContain(sign);
      const ended = async () => {
        await child.ended;
        throw new Error(`${file} has ended: ${child.stderr()}`);
      };
      await Promise.race([atWork(), ended()]);
      return child;
    },
    startUnder(shell: string, file: string, settings: Settings) {
      const command = `"${process.execPath}" "${pathOf(file)}"; exit $?`;
      const child = spawn(shell, ["-c", command], {
        env: { ...process.env, ...environment(settings) },
        stdio: "ignore",
      });
      return Object.assign(child, { [Symbol.asyncDispose]: async () => void child.kill("SIGKILL") });
    },
    isLive: () =>
      fetch(`${url}health/live`).then(
        () => true,
        () => false,
      ),
    /** Runs a program to its end. */
    async run(file: string, settings?: Settings) {
      await using child = run(file, settings);
      const { exitCode } = await child.ended;
      return { exitCode, stdout: child.stdout(), stderr: child.stderr() };
    },
    register: (email: string) =>
      fetch(`${url}auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email }),
      }),
    async mailCount(): Promise<number> {
      const { mails } = (await (await fetch(`${url}mails`)).json()) as { mails: unknown[] };
      return mails.length;
    },
    /** Its text, with the link. */
    async newestMail(): Promise<string> {
      const { mails } = (await (await fetch(`${url}mails`)).json()) as { mails: { id: number }[] };
      return await (await fetch(`${url}mails/${mails[0]!.id}`)).text();
    },
    async newestSender(): Promise<string | undefined> {
      const { mails } = (await (await fetch(`${url}mails`)).json()) as { mails: { from: string }[] };
      return mails[0]?.from;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }),
  };
}

/** What a program has logged so far. */
export function messagesOf(child: Child): string[] {
  const lines = child
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line).msg);
}
