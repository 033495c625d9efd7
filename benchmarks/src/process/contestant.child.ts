import type { Benchmark, Case, Figures, Measure } from "../benchmark.ts";
import type { Answer, Assignment, Request } from "../measure/contestant-process.ts";

// What a peer does that its driver will refuse one day is no news here.
process.noDeprecation = true;

const { benchmark, case: caseName, world } = JSON.parse(process.argv[2] ?? "") as Assignment;
const { contestants }: Case = await findCase();
const started = new Map<string, Measure>();
let running: Promise<void> = Promise.resolve();

process.on("message", ({ run }: Request) => {
  running = answer(run);
});
process.on("disconnect", () => void end());
// Ctrl-C reaches the whole group; the parent decides when this process ends.
process.on("SIGINT", () => undefined);

async function answer(name: string): Promise<void> {
  let reply: Answer;
  try {
    reply = { figures: await runOnce(name) };
  } catch (error) {
    reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.send?.(reply, undefined, undefined, () => undefined);
}

async function runOnce(name: string): Promise<Figures> {
  const contestant = contestants.find((candidate) => candidate.name === name);
  if (contestant === undefined) throw new Error(`No contestant of ${benchmark} is called "${name}".`);
  const measure = started.get(name) ?? (await contestant.start(world));
  started.set(name, measure);
  return measure.run();
}

async function end(): Promise<void> {
  await running;
  for (const measure of started.values()) await measure.stop?.();
  // A peer that keeps a handle open must not keep the benchmarks waiting.
  process.exit();
}

/** Its benchmark alone: what the others load would be in its heap. */
async function findCase(): Promise<Case> {
  const module = (await import(`../benchmarks/${benchmark}.ts`)) as Record<string, Benchmark>;
  const found = Object.values(module)
    .find(({ name }) => name === benchmark)
    ?.cases(world.size)
    .find(({ name }) => name === caseName);
  if (found === undefined) throw new Error(`No benchmark "${benchmark}" has a case "${caseName}".`);
  return found;
}
