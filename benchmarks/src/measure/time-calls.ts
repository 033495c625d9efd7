import type { Size } from "../benchmark.ts";
import { quantile } from "./statistics.ts";

const durations: Record<Size, { readonly warmUpMs: number; readonly runMs: number }> = {
  quick: { warmUpMs: 20, runMs: 30 },
  default: { warmUpMs: 100, runMs: 150 },
  full: { warmUpMs: 300, runMs: 1_000 },
};

/** Calls in one block: long enough for the clock and the garbage it makes, short enough for the median of blocks to leave out what disturbed one. */
const callsPerBlock = 20_000;
const leastBlocks = 3;

interface Timed {
  readonly nsPerCall: number;
  readonly calls: number;
}

/** @returns the median of blocks of calls, and how many calls there were, for the check that all were served. */
export function timeSyncCalls(size: Size, call: () => void): Timed {
  const block = () => {
    for (let index = 0; index < callsPerBlock; index++) call();
  };
  const { warmUpMs, runMs } = durations[size];
  let calls = 0;
  const blocks: number[] = [];
  const warmUntil = performance.now() + warmUpMs;
  const endsAt = warmUntil + runMs;
  for (let now = performance.now(); now < endsAt || blocks.length < leastBlocks;) {
    block();
    calls += callsPerBlock;
    const after = performance.now();
    if (now >= warmUntil) blocks.push(after - now);
    now = after;
  }
  return timed(blocks, calls);
}

/** As {@link timeSyncCalls}, each call awaited before the next. */
export async function timeAsyncCalls(size: Size, call: () => Promise<unknown>): Promise<Timed> {
  const block = async () => {
    for (let index = 0; index < callsPerBlock; index++) await call();
  };
  const { warmUpMs, runMs } = durations[size];
  let calls = 0;
  const blocks: number[] = [];
  const warmUntil = performance.now() + warmUpMs;
  const endsAt = warmUntil + runMs;
  for (let now = performance.now(); now < endsAt || blocks.length < leastBlocks;) {
    await block();
    calls += callsPerBlock;
    const after = performance.now();
    if (now >= warmUntil) blocks.push(after - now);
    now = after;
  }
  return timed(blocks, calls);
}

function timed(blocks: number[], calls: number): Timed {
  blocks.sort((a, b) => a - b);
  return { nsPerCall: (quantile(blocks, 0.5) * 1e6) / callsPerBlock, calls };
}
