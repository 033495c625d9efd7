import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { writeConfiguration } from "./support/configuration.ts";
import { createFilledJobs, exampleId, filledIds } from "./support/filled-jobs.ts";
import { cliEnvironment, cliPath, runCli, type CliResult } from "./support/run-cli.ts";

interface Help {
  readonly words: readonly string[];
  readonly text: string;
}

/** The help of a command and of all below it. */
async function readHelp(words: readonly string[] = []): Promise<readonly Help[]> {
  const { stdout } = await runCli([...words, "--help"]);
  const [, commands = ""] = stdout.split(/^Commands:\n/m);
  const names = [...commands.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name = ""]) => name);
  const below: Help[] = [];
  for (const name of names.filter((each) => each !== "help")) below.push(...(await readHelp([...words, name])));
  return [{ words, text: stdout }, ...below];
}

function examplesOf({ text: help }: Help): string[] {
  return [...help.matchAll(/^ {2}\$ acme-jobs ?(.*)$/gm)].map(([, example = ""]) => example);
}

/** Runs an example as a shell would, in a folder with what it names, on a database in which its id is of the right kind. */
async function runExample(example: string): Promise<CliResult> {
  await using test = await createFilledJobs();
  await using configuration = await writeConfiguration();
  await writeFile(join(configuration.folder, "payload.json"), '{"orderId":"42"}');
  if (example.startsWith("jobs ")) {
    await test.jobsPool.query("delete from acme_jobs.dead_letters where id = $1", [exampleId]);
    await test.jobsPool.query(
      `update graphile_worker._private_jobs set flags = jsonb_build_object('acme:id:' || $1::text, true) where flags ? $2`,
      [exampleId, `acme:id:${filledIds.scheduled}`],
    );
  }
  // The port may be taken here.
  const line = example.replace("--probe-port 9090", "--probe-port 0");
  const child = spawn("bash", ["-c", `exec "$0" "$1" ${line}`, process.execPath, cliPath], {
    env: cliEnvironment({ DATABASE_URL: test.jobsUrl }),
    cwd: configuration.folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (String(chunk).startsWith("Worker running")) child.kill("SIGTERM");
  });
  const [[exitCode], stdout, stderr] = await Promise.all([
    once(child, "close") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { exitCode, stdout, stderr };
}

it("every command has a help with examples, and each of them runs", async () => {
  const helps = await readHelp();
  const commands = helps.filter(({ words }) => words.length > 0);
  expect(commands.filter((help) => examplesOf(help).length === 0).map(({ words }) => words.join(" "))).toEqual([]);
  const examples = [...new Set(commands.flatMap(examplesOf))];
  expect(examples.length).toBeGreaterThan(30);

  const failed: unknown[] = [];
  const left = examples.values();
  const runAll = async () => {
    for (const example of left) {
      const result = await runExample(example);
      if (!isExpected(example, result)) failed.push({ example, ...result });
    }
  };
  await Promise.all(Array.from({ length: 4 }, runAll));

  expect(failed).toEqual([]);
}, 240_000);

function isExpected(example: string, { exitCode, stderr }: CliResult): boolean {
  // No worker is alive here, which they say.
  if (/^(?:status|doctor|$)/.test(example)) return exitCode === 1 && stderr === "";
  // The one for pausing may run later.
  if (example.startsWith("resume ")) return exitCode !== null && exitCode <= 1 && stderr === "";
  if (exitCode === 2) return /There is nobody to ask|--watch needs a terminal/.test(stderr);
  return exitCode === 0;
}
