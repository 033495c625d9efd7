import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineConfig } from "../../src/index.ts";
import { runCli } from "./support/run-cli.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "acme-jobs-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function runWith(config: string, words: readonly string[] = ["workers"]) {
  await writeFile(join(folder, "acme-jobs.config.ts"), config);
  return runCli(words, { cwd: folder });
}

describe("a configuration file", () => {
  it.each([
    ["export const jobs = 1;", "it has no default export"],
    ["export default 7;", "it takes an object"],
    ["export default { job: 1 };", '"job" is no option; there are jobs, tasks, worker'],
    ["export default { jobs: {} };", '"jobs" is not made by createJobs()'],
    ["export default { tasks: [() => 1] };", '"tasks" is not a list of what perform() returns'],
    ["throw new Error('no luck');", "cannot be imported: no luck"],
    ["enum Color { Red }", "Node strips types only"],
    ["import './missing.ts'; export default {};", "cannot be imported"],
  ])("%j ends a command with 2, and says what is wrong", async (config, message) => {
    const { exitCode, stderr } = await runWith(config);

    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
  });

  it("that is named and not there ends a command with 2", async () => {
    const { exitCode, stderr } = await runCli(["workers", "--config", "none.ts"], { cwd: folder });

    expect(exitCode).toBe(2);
    expect(stderr).toContain("There is no configuration file");
  });

  it("without jobs leaves the database to the options", async () => {
    const { exitCode, stderr } = await runWith("export default { tasks: [] };");

    expect(exitCode).toBe(2);
    expect(stderr).toContain("No database is named");
  });
});

describe("defineConfig()", () => {
  it("returns what it was given, frozen", () => {
    const config = defineConfig({ tasks: [] });

    expect(config).toEqual({ tasks: [] });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("refuses what is no configuration with OPTIONS_INVALID", () => {
    expect(() => defineConfig({ job: 1 } as never)).toThrow(
      expect.objectContaining({ code: "OPTIONS_INVALID" }) as Error,
    );
  });
});
