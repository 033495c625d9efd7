import type { Benchmark } from "../benchmark.ts";
import { commit } from "./commit.ts";
import { enqueue } from "./enqueue.ts";
import { execute } from "./execute.ts";
import { failures } from "./failures.ts";
import { growth } from "./growth.ts";
import { latency } from "./latency.ts";
import { makespan } from "./makespan.ts";
import { memory } from "./memory.ts";
import { publishAsync } from "./publish-async.ts";
import { publishSync } from "./publish-sync.ts";
import { relay } from "./relay.ts";

/** In the order of the report. */
export const benchmarks: readonly Benchmark[] = [
  publishSync,
  publishAsync,
  commit,
  enqueue,
  execute,
  latency,
  relay,
  failures,
  makespan,
  growth,
  memory,
];
