import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { readArguments } from "./arguments.ts";
import type { World } from "./benchmark.ts";
import { benchmarks } from "./benchmarks/index.ts";
import { judge } from "./measure/judge.ts";
import type { CaseResult } from "./measure/results.ts";
import { runBenchmark } from "./measure/run-benchmark.ts";
import { drawChart } from "./report/chart.ts";
import { describeMachine } from "./report/machine.ts";
import { writeMarkdown } from "./report/markdown.ts";
import { toJson } from "./report/json.ts";
import type { Report } from "./report/report.ts";
import { startPostgres } from "./servers/postgres.ts";
import { startRedis } from "./servers/redis.ts";

const tell = (line: string) => void process.stderr.write(`${line}\n`);

/** Starts the servers, runs what the command line names, and writes the report. */
export async function runBenchmarks(): Promise<void> {
  const { names, size, only, rounds, directory } = readArguments(benchmarks.map(({ name }) => name));
  const chosen = benchmarks.filter(({ name }) => names.length === 0 || names.includes(name));
  const startedAt = performance.now();
  const machine = describeMachine();
  await using postgres = await startPostgres();
  await using everysec = await startRedis("everysec");
  await using no = await startRedis("no");
  const world: World = {
    size,
    postgresUrl: postgres.url,
    redisUrls: everysec && no && { everysec: everysec.url, no: no.url },
  };

  const results: CaseResult[] = [];
  for (const benchmark of chosen) results.push(...(await runBenchmark(benchmark, { world, only, rounds, tell })));

  const given = process.argv.slice(2);
  await write(directory, {
    machine,
    size,
    command: ["npm run bench", ...(given.length > 0 ? ["--", ...given] : [])].join(" "),
    seconds: Math.round((performance.now() - startedAt) / 1000),
    servers: { postgres: postgres.settings, redis: everysec?.version },
    benchmarks: chosen,
    results: results.map((result) => ({
      ...result,
      // One alone can be compared with nobody.
      verdicts: only === undefined ? result.case.goals.map((goal) => judge(result, goal)) : [],
    })),
  });
}

async function write(directory: string, report: Report): Promise<void> {
  const markdown = writeMarkdown(report);
  process.stdout.write(`${markdown}\n`);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, "results.md"), `${markdown}\n`);
  await writeFile(path.join(directory, "results.json"), `${JSON.stringify(toJson(report), undefined, 2)}\n`);
  await writeFile(path.join(directory, "chart.svg"), drawChart(report));
  tell(`${report.seconds} s; results.md, results.json and chart.svg are in ${directory}`);
}
