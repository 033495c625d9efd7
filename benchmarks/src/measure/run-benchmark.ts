import type { Benchmark, Case, Contestant, Figures, World } from "../benchmark.ts";
import { type ContestantProcess, startContestantProcess } from "./contestant-process.ts";
import type { CaseResult } from "./results.ts";

export interface RunOptions {
  readonly world: World;
  /** Run this contestant alone, as often as there is time for: something to point a profiler at. */
  readonly only: string | undefined;
  readonly rounds: number | undefined;
  readonly tell: (line: string) => void;
}

/** Runs every case of a benchmark, its contestants alternating. */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<CaseResult[]> {
  const cases = benchmark.cases(options.world.size);
  const budgetMs = benchmark.budgetMs / cases.length;
  const results: CaseResult[] = [];
  for (const one of cases) results.push(await runCase({ benchmark, case: one, budgetMs }, options));
  return results;
}

/** One case, with its share of the time of its benchmark. */
interface CaseRun {
  readonly benchmark: Benchmark;
  readonly case: Case;
  readonly budgetMs: number;
}

async function runCase({ benchmark, case: one, budgetMs }: CaseRun, options: RunOptions): Promise<CaseResult> {
  const startedAt = performance.now();
  const { world, only, tell } = options;
  const figures = new Map<string, (Figures | undefined)[]>();
  const troubles = new Map<string, string>();
  const contestants = one.contestants.filter(({ name }) => only === undefined || name === only);
  let present = contestants.filter((contestant) => isPresent(contestant, world, troubles));
  for (const { name } of present) figures.set(name, []);

  await using processes = createProcesses(benchmark, one.name, world);
  const { least, most } = options.rounds ? { least: options.rounds, most: options.rounds } : benchmark.rounds;
  for (let round = 0; round < most && present.length > 0; round++) {
    const elapsedMs = performance.now() - startedAt;
    if (round >= least && elapsedMs + elapsedMs / round > budgetMs) break;
    for (const { name } of rotated(present, round)) {
      const figure = await processes.run(name).catch((error: Error) => {
        tell(`${benchmark.name} · ${one.name} · ${name}: thrown out, ${error.message}`);
        troubles.set(name, error.message.split("\n")[0] ?? "");
        return undefined;
      });
      figures.get(name)?.push(figure);
    }
    // What has failed in the first round fails in all.
    if (round === 0) present = present.filter(({ name }) => figures.get(name)?.[0] !== undefined);
  }
  tell(`${benchmark.name} · ${one.name}: ${Math.round((performance.now() - startedAt) / 1000)} s`);
  return { benchmark: benchmark.name, case: one, figures, troubles };
}

function isPresent({ name, needs }: Contestant, { redisUrls }: World, troubles: Map<string, string>): boolean {
  if (needs !== "redis" || redisUrls !== undefined) return true;
  troubles.set(name, "skipped: there is no redis-server on this machine");
  return false;
}

/** Nobody is always first, or always behind the same neighbour. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const turn = by % items.length;
  const turned = [...items.slice(turn), ...items.slice(0, turn)];
  return Math.floor(by / items.length) % 2 === 0 ? turned : turned.toReversed();
}

function createProcesses({ name: benchmark, processes: policy }: Benchmark, caseName: string, world: World) {
  const kept = new Map<string, ContestantProcess>();
  const start = () => startContestantProcess({ benchmark, case: caseName, world });
  return {
    async run(contestant: string): Promise<Figures> {
      if (policy === "fresh") {
        await using once = start();
        return await once.run(contestant);
      }
      const key = policy === "own" ? contestant : "all";
      const process = kept.get(key) ?? start();
      kept.set(key, process);
      return process.run(contestant);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...kept.values()].map((process) => process[Symbol.asyncDispose]()));
    },
  };
}
