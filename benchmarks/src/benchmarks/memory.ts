import { EventEmitter } from "node:events";
import { type Benchmark, type Case, type Contestant, type Figures, ours, type Size } from "../benchmark.ts";
import { heapUsed } from "../measure/heap.ts";
import { spreadOf } from "../measure/statistics.ts";
import { acmeQueue, silentLogger } from "../peers/acme.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import { graphileQueue } from "../peers/graphile-worker.ts";
import type { JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { queueContestant } from "../peers/queue-contestant.ts";

const jobCounts: Record<Size, number> = { quick: 4_000, default: 48_000, full: 500_000 };
const chunk: Record<Size, number> = { quick: 1_000, default: 4_000, full: 25_000 };
const concurrency = 24;
const bare = "graphile-worker";

const classCount = 100;
const handlersPerClass = 20;
const bareEmitter = "EventEmitter";

export const memory: Benchmark = {
  name: "memory",
  work: "heap of a worker after garbage collection; heap per registered handler",
  budgetMs: 60_000,
  rounds: { least: 5, most: 5 },
  processes: "fresh",
  cases: (size) => [steadyState(size), perHandler()],
};

function steadyState(size: Size): Case {
  return {
    name: `worker over ${jobCounts[size].toLocaleString("en")} jobs`,
    metrics: [
      { name: "heap", unit: "MB", better: "lower" },
      { name: "growth", unit: "bytes/job", better: "lower" },
    ],
    contestants: [
      worker(acmeQueue(), `concurrency ${concurrency}`, size),
      worker(graphileQueue("equal", bare), `concurrency ${concurrency}, completeJobBatchDelay 0`, size),
    ],
    goals: [
      { metric: "heap", of: ours, against: [bare], kind: "cost", limit: 1.1 },
      // The smallest object that could be left behind by each job takes 16.
      { metric: "growth", of: ours, against: [], kind: "value", limit: 8 },
    ],
  };
}

function worker(queue: JobQueue, settings: string, size: Size): Contestant {
  return queueContestant(queue, settings, (world) => ({
    run: () => withFreshQueue(queue, world, (open) => runManyJobs(open, jobCounts[size], chunk[size])),
  }));
}

async function runManyJobs(open: OpenQueue, jobCount: number, chunkSize: number): Promise<Figures> {
  let ran = 0;
  let target = 0;
  let chunkDone = Promise.withResolvers<void>();
  const running = await open.startWorker(
    () => {
      ran += 1;
      if (ran === target) chunkDone.resolve();
    },
    { concurrency },
  );
  const heaps: number[] = [];
  for (target = chunkSize; target <= jobCount; target += chunkSize) {
    chunkDone = Promise.withResolvers<void>();
    const first = target - chunkSize;
    await open.enqueueMany(Array.from({ length: chunkSize }, (_, index) => first + index));
    await chunkDone.promise;
    heaps.push(await heapUsed());
  }
  await running.stop();
  const remaining = await open.remaining();
  if (ran !== jobCount || remaining !== 0) throw new Error(`${ran} jobs ran of ${jobCount}, ${remaining} are left`);
  // Code is still being compiled in the first half, and takes its place.
  const settled = heaps.slice(Math.floor(heaps.length / 2));
  const grown = (settled.at(-1) ?? NaN) - (settled[0] ?? NaN);
  return { heap: (heaps.at(-1) ?? NaN) / 2 ** 20, growth: grown / ((settled.length - 1) * chunkSize) };
}

function perHandler(): Case {
  return {
    name: "registered handler",
    metrics: [{ name: "heap", unit: "bytes/handler", better: "lower" }],
    contestants: [
      {
        name: ours,
        settings: `${handlersPerClass} handlers for each of ${classCount} classes of events, each published once`,
        start: () => Promise.resolve({ run: () => heapPerHandler(registerOnBus) }),
      },
      {
        name: bareEmitter,
        settings: "of Node, the same with names of events",
        start: () => Promise.resolve({ run: () => heapPerHandler(registerOnEmitter) }),
      },
    ],
    goals: [{ metric: "heap", of: ours, against: [bareEmitter], kind: "cost", limit: 1.1 }],
  };
}

type Registered = { readonly kept: unknown; readonly publishAll: () => void };
type Register = (
  classes: readonly (new () => object)[],
  handlers: readonly (() => void)[],
) => Promise<Registered> | Registered;

async function heapPerHandler(register: Register): Promise<Figures> {
  // The code, and what the engine learns about it, are no part of a handler.
  await registerAll(register);
  const all: number[] = [];
  // Now and then the engine drops or makes something of its own meanwhile.
  for (let round = 0; round < 5; round++) all.push(await registerAll(register));
  return { heap: spreadOf(all).median / (classCount * handlersPerClass) };
}

/** Bytes that 2,000 handlers take. */
async function registerAll(register: Register): Promise<number> {
  let handledCount = 0;
  const classes = Array.from(
    { length: classCount },
    (_, index) =>
      class {
        readonly index = index;
      },
  );
  // A class takes memory of its own when its first instance is made.
  for (const Happened of classes) Reflect.construct(Happened, []);
  const handlers = Array.from({ length: classCount * handlersPerClass }, () => () => {
    handledCount += 1;
  });
  const before = await heapUsed();
  const { kept, publishAll } = await register(classes, handlers);
  publishAll();
  const used = (await heapUsed()) - before;
  if (handledCount !== handlers.length || kept === undefined) throw new Error(`${handledCount} handlers ran`);
  return used;
}

const registerOnBus: Register = async (classes, handlers) => {
  const { createEventBus } = await import("@acme/domain-events");
  const bus = createEventBus({ logger: silentLogger });
  handlers.forEach((handler, index) => bus.register(classes[index % classCount] as new () => object, handler));
  return { kept: bus, publishAll: () => classes.forEach((Happened) => void bus.publish(new Happened())) };
};

const registerOnEmitter: Register = (classes, handlers) => {
  const emitter = new EventEmitter().setMaxListeners(0);
  handlers.forEach((handler, index) => emitter.on(`event-${index % classCount}`, handler));
  return { kept: emitter, publishAll: () => classes.forEach((_, index) => void emitter.emit(`event-${index}`)) };
};
