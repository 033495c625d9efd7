import { runChild } from "@acme/test-postgres";
import { expect, it } from "vitest";

const allIsWell =
  /^committed (\d+) · enqueued \1 · effects \1 · lost 0 · phantom 0 · duplicated 0 · locks 0 · inversions 0 · queues stuck 0$/m;

const serverWasBroken = /^server: [1-9]\d* crashes .*, 1 restarts, 1 immediate stops with recovery, 1 failovers$/m;

const networkWasBroken = /^network: (?!0 times cut and 0 silent)/m;

/** Or somebody wanted to break them: in twenty seconds of a busy machine a fault may meet none. */
const commitsWereBroken = /^commits: .*\((?!writers 0, workers 0, relays 0\); 0 faults)/m;

it("loses, invents and repeats nothing in twenty seconds of faults", async () => {
  await using soak = runChild(new URL("../src/soak.ts", import.meta.url), {
    args: ["--minutes", "0.34", "--seed", "7"],
  });

  const { exitCode } = await soak.ended;

  expect(`${soak.stdout()}${soak.stderr()}`).toMatch(allIsWell);
  expect(soak.stdout()).toMatch(commitsWereBroken);
  expect(soak.stdout()).toMatch(serverWasBroken);
  expect(soak.stdout()).toMatch(networkWasBroken);
  expect(exitCode).toBe(0);
  expect(Number(allIsWell.exec(soak.stdout())?.[1])).toBeGreaterThan(0);
});

it("says how it is used when an argument makes no sense", async () => {
  await using soak = runChild(new URL("../src/soak.ts", import.meta.url), { args: ["--minutes", "soon"] });

  const { exitCode } = await soak.ended;

  expect(exitCode).toBe(1);
  expect(soak.stderr()).toContain("usage: soak --minutes");
});
