import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runChild, serverUrl } from "@acme/test-postgres";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { ask, databasesLike } from "./support/ask.ts";

const testFile = new URL("support/test-file.child.ts", import.meta.url);

const runOf = (name: string) => /^test_[0-9a-f]+/.exec(name)?.[0] ?? "none";

type End = "is killed" | "ends";

async function play(how: End, env: Record<string, string>): Promise<{ pid: number; url: string; name: string }> {
  await using child = runChild(testFile, { env });
  await child.waitFor("ready");
  await expect.poll(() => child.stdout()).toContain("\n");
  const [url = "", name = ""] = child.stdout().trim().split(" ");
  expect(await ask(url, "select from orders")).toEqual([]);
  if (how === "ends") child.send("end");
  const end = how === "ends" ? await child.ended : await child.kill();
  expect(end.exitCode).toBe(how === "ends" ? 0 : null);
  return { pid: child.pid, url, name };
}

describe.each(["is killed", "ends"] as const)("when a process of tests %s", (how) => {
  it("no server is left, and no file", async () => {
    const temp = mkdtempSync(path.join(tmpdir(), "test-database-"));
    try {
      const { pid, url } = await play(how, { TEST_DATABASE_URL: "", TMPDIR: temp });

      await expect.poll(() => readdirSync(temp).filter((name) => name.includes(`-${pid}-`))).toEqual([]);
      await expect(ask(url, "select")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    } finally {
      rmSync(temp, { recursive: true, force: true });
    }
  });

  it("no database is left on a server that stays", async () => {
    const { name } = await play(how, { TEST_DATABASE_URL: serverUrl() });

    await expect.poll(() => databasesLike(serverUrl(), runOf(name))).toEqual([]);
  });
});

it("no database is left that the server was just making for a process that was killed", async () => {
  await using child = runChild(testFile, { env: { TEST_DATABASE_URL: serverUrl() } });
  await child.waitFor("ready");
  await expect.poll(() => child.stdout()).toContain("\n");
  const run = runOf(child.stdout().split(" ")[1] ?? "");
  // As the connection of the process, which the server ends when the statement has ended.
  const connection = new Client({ connectionString: serverUrl(), application_name: run });
  await connection.connect();

  await child.kill();
  const janitors = `select from pg_stat_activity where application_name = '${run}' and pid <> pg_backend_pid()`;
  await expect
    .poll(async () => [
      (await connection.query(janitors)).rowCount === 1,
      (await databasesLike(serverUrl(), run)).length === 0,
    ])
    .toContain(true);
  await connection.query(`create database "${run}_late"`);
  await connection.end();

  await expect.poll(() => databasesLike(serverUrl(), run)).toEqual([]);
});
