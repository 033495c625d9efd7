import { spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createTestDatabase } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { createHome } from "./support/home.ts";

/** Takes no byte, as a full disk does. */
const fullDisk = "/dev/full";

describe("an app whose log", { timeout: 60_000 }, () => {
  it.skipIf(!existsSync(fullDisk))("cannot be written serves, and stops in order", async () => {
    await using home = await createHome();
    await using disk = await open(fullDisk, "w");
    await using app = launch("main.ts", {
      settings: { DATA_DIR: home.dataDir, PORT: portIn(home.url) },
      output: disk.fd,
    });
    await expect.poll(() => home.isLive(), { timeout: 40_000 }).toBe(true);

    expect((await home.register("ada@example.org")).status).toBe(202);
    await expect.poll(() => home.mailCount(), { timeout: 10_000 }).toBe(1);

    expect(await app.end("SIGTERM")).toEqual({ exitCode: 0, stderr: "" });
    expect(existsSync(join(home.dataDir, "runtime.json"))).toBe(false);
  });

  it("can be written again says how many lines were dropped", async () => {
    await using home = await createHome();
    const logFile = `${home.dataDir}.log`;
    await using log = await open(logFile, "a");
    // No file may grow past this, and one that is emptied may grow again.
    const limited = 'ulimit -f 200; exec "$0" "$1"';
    const writer = spawn("sh", ["-c", limited, process.execPath, logWriter], { stdio: ["pipe", log.fd, "pipe"] });
    await once(writer.stderr!, "data");
    expect(await readFile(logFile, "utf8")).not.toContain("dropped");

    await truncate(logFile);
    writer.stdin!.write("go on");
    const [exitCode] = await once(writer, "exit");

    expect(exitCode).toBe(0);
    // Emptied in the middle of a line: the rest of that one is gone.
    const [rest, ...lines] = (await readFile(logFile, "utf8")).trimEnd().split("\n");
    expect(rest).toBe("");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "late" },
      {
        msg: "log lines were dropped, since they could not be written",
        count: expect.toSatisfy((count) => count > 500),
      },
    ]);
  });

  it("is not read for a while goes on, and says how many lines were dropped", async () => {
    const writer = spawn(process.execPath, [logWriter], { stdio: "pipe" });
    // A megabyte, and a pipe holds less. Nothing reads it until all of that is written, or dropped.
    await once(writer.stderr, "data");

    const log = text(writer.stdout);
    await expect.poll(() => writer.stdout.readableLength).toBe(0);
    writer.stdin.write("go on");
    const lines = (await log).trimEnd().split("\n");

    expect(lines.slice(-2).map((line) => JSON.parse(line))).toMatchObject([
      { msg: "late" },
      {
        msg: "log lines were dropped, since they could not be written",
        count: expect.toSatisfy((count) => count >= 1_002 - lines.length && count > 0),
      },
    ]);
  });

  it.each(["main.ts", "worker.ts"])("is read no more stops in order: %s", async (file) => {
    await using home = await createHome();
    await using database = await createTestDatabase();
    await using app = launch(file, { settings: { ...serversOf(database), PORT: portIn(home.url) }, output: "pipe" });

    await once(app.stdout, "data");
    app.stdout.destroy();

    expect(await app.ended).toEqual({ exitCode: 0, stderr: "" });
  });
});

const logWriter = fileURLToPath(new URL("support/log-writer.child.ts", import.meta.url));

/** Starts the app with its standard output somewhere else. */
function launch(
  file: string,
  { settings, output }: { readonly settings: Readonly<Record<string, string>>; readonly output: number | "pipe" },
) {
  const stdio: StdioOptions = ["ignore", output, "pipe"];
  const unset = { DATABASE_URL: "", JOB_QUEUE_DATABASE_URL: "", SMTP_URL: "", NODE_OPTIONS: "", LOG_LEVEL: "" };
  const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const child = spawn(process.execPath, [path], { env: { ...process.env, ...unset, ...settings }, stdio });
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  const ended = once(child, "exit").then(([exitCode]) => ({ exitCode, stderr }));
  return {
    stdout: child.stdout!,
    ended,
    async end(signal: NodeJS.Signals) {
      child.kill(signal);
      return await ended;
    },
    [Symbol.asyncDispose]: async () => void child.kill("SIGKILL"),
  };
}

function serversOf({ url }: { readonly url: string }) {
  return { DATABASE_URL: url, SMTP_URL: "smtp://127.0.0.1:1", LIMIT_SECRET: "s".repeat(32) };
}

function portIn(url: string): string {
  return new URL(url).port;
}
