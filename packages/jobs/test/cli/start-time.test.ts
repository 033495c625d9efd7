import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { cliEnvironment, cliPath } from "./support/run-cli.ts";

const cpuTime = fileURLToPath(new URL("support/cpu-time.cjs", import.meta.url));
const rounds = 15;

/** Microseconds of processor time: on an idle machine as long as it takes, and on a busy one not longer. */
function costOf(words: readonly string[]): number {
  const { stderr } = spawnSync(process.execPath, ["--require", cpuTime, ...words], {
    env: cliEnvironment(),
    encoding: "utf8",
  });
  return Number(/\ncpu (\d+)$/.exec(stderr)?.[1]);
}

function median(costs: readonly number[]): number {
  return costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? NaN;
}

/**
 * A Node that does nothing takes about 40 ms on an idle machine, so 150 ms are 3.75 times of it. The rest is for machines on which
 * Node itself is slower to begin. Measured: 2.4. With `node:http` or the library loaded from the start it is more than 4.
 */
const limit = 3.5;

it("--help costs less than 150 ms where Node costs 40 ms to do nothing", () => {
  const nothing: number[] = [];
  const help: number[] = [];
  // In turns, so that what else the machine does is in both.
  for (let round = 0; round < rounds; round += 1) {
    nothing.push(costOf(["-e", "0"]));
    help.push(costOf([cliPath, "--help"]));
  }

  expect(median(help) / median(nothing)).toBeLessThan(limit);
});
