import { createTestDatabase, startServer } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { runCli } from "./support/run-cli.ts";

const nowhere = "postgres://nobody@127.0.0.1:1/none";

describe("a command line that is wrong", () => {
  it.each([
    [["jobs", "lst"], "unknown command 'lst'. Did you mean list?"],
    [["jobs"], "A command is missing or unknown. Add --help to see which there are."],
    [["help", "frobnicate"], "A command is missing or unknown."],
    [["status", "--time", "soon"], "Allowed choices are relative, iso"],
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["status", "--colour"], "unknown option '--colour'"],
    [["jobs", "list", "--state", "gone"], "Allowed choices are due, scheduled, locked, failed"],
    [["jobs", "list", "--limit", "0"], '"0" is not a whole number from 1 to 1000'],
    [["dead", "list", "--since", "yesterday"], '"yesterday" is not a time'],
    [["jobs", "discard"], "Which ones? Give ids, a filter such as --task, or --all."],
    [["dead", "retry", "1", "--task", "t"], "Give ids or a filter, not both."],
    [["dead", "purge"], "required option '--older-than <duration>' not specified"],
    [["enqueue", "t", "{"], "The payload is not JSON"],
    [["stats", "--watch"], "--watch needs a terminal"],
    [["worker", "--url", nowhere], "A worker needs tasks"],
  ])("%j ends with 2, and says in one line what is wrong", async (words, message) => {
    const { exitCode, stdout, stderr } = await runCli([...words, "--url", nowhere]);

    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it("is told as JSON if that is wanted", async () => {
    const { exitCode, stderr } = await runCli(["jobs", "lst", "--json"]);

    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "USAGE", message: "unknown command 'lst'. Did you mean list?" },
    });
  });

  it("that names no database says how to name one", async () => {
    const { exitCode, stderr } = await runCli(["workers"]);

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--url .*JOB_QUEUE_DATABASE_URL or DATABASE_URL.*acme-jobs\.config\.ts/);
  });

  it("never shows the payload that it could not read", async () => {
    const { stderr } = await runCli(["enqueue", "t", '{"secret": hunter2}', "--url", nowhere]);

    expect(stderr).toContain("is not JSON");
    expect(stderr).not.toContain("hunter2");
  });
});

describe("a database that cannot be used", () => {
  it("and does not answer ends a command with 1", async () => {
    const { exitCode, stderr } = await runCli(["workers", "--url", nowhere]);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^acme-jobs: The jobs database cannot be reached.*ECONNREFUSED.*\(JOBS_DATABASE_UNREACHABLE\)\n$/,
    );
  });

  it("for its URL ends a command with 1, and the password is not printed", async () => {
    const { exitCode, stderr } = await runCli(["workers"], { env: { DATABASE_URL: "mysql://me:hunter2@localhost/x" } });

    expect(exitCode).toBe(1);
    expect(stderr).toContain("neither a URL (postgres://");
    expect(stderr).not.toContain("hunter2");
  });

  it("since it has no tables says how to make them", async () => {
    await using database = await createTestDatabase();

    const { exitCode, stderr } = await runCli(["workers", "--url", database.url]);

    expect(exitCode).toBe(1);
    expect(stderr).toContain("MIGRATION_MISSING");
  });

  it("since it refuses the user gives the server's reason", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    const url = server.url("jobs").replace(/\/\/[^@]*@/, "//stranger:hunter2@");

    const { exitCode, stderr } = await runCli(["workers", "--url", url]);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/stranger.*\(JOBS_DATABASE_REFUSED\)/);
    expect(stderr).not.toContain("hunter2");
  });
});
