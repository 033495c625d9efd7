import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { expect, it } from "vitest";
import { cliEnvironment, cliPath } from "./support/run-cli.ts";

const rounds = 15;

/** Milliseconds that a process takes. */
function timeOf(words: readonly string[]): number {
  const begin = performance.now();
  const { status } = spawnSync(process.execPath, words, { env: cliEnvironment(), stdio: "ignore" });
  expect(status).toBe(0);
  return performance.now() - begin;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
}

/**
 * The limit is 150 ms. An idle machine of the kind that this was measured on takes 45 ms for a Node that does nothing, so the
 * limit is a ratio of 3.3; on a machine that is slower or busy, both take longer by the same factor. Measured: 2.
 */
it("--help takes less than 3.3 times of what Node takes to do nothing", () => {
  const nothing: number[] = [];
  const help: number[] = [];
  // In turns, so that what else the machine does is in both.
  for (let round = 0; round < rounds; round += 1) {
    nothing.push(timeOf(["-e", "0"]));
    help.push(timeOf([cliPath, "--help"]));
  }

  expect(median(help) / median(nothing)).toBeLessThan(3.3);
});
