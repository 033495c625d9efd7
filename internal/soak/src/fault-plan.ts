import type { Pausable } from "@acme/jobs";
import { printLabel, shipOrder } from "./orders.ts";
import type { Urls } from "./soak-tables.ts";
import { type Fault, type MemberName, memberNames, type TableLock, type WayToStop } from "./faults.ts";
import { createRandom, type Random } from "./random.ts";

const relayNames = ["relay-1", "relay-2"] as const;
const waysToBreak = ["drop-reply", "cut-before", "hold-reply"] as const;
/** Longer than the clients of the units wait for an answer, and shorter. */
const heldForMs = [200, 4_000] as const;
/** Network and locks: long enough for whoever waits to give up, and too short to. */
const blipForMs = [1_000, 10_000] as const;
const limitMs = [2, 40] as const;
const lockForMs = [300, 4_000] as const;
const lockedTables: readonly [Table, ...Table[]] = [
  { database: "app", table: "acme_jobs.outbox" },
  { database: "app", table: "domain_events.idempotency_keys" },
  { database: "app", table: "soak.orders" },
  { database: "jobs", table: "graphile_worker._private_jobs" },
  { database: "jobs", table: "graphile_worker._private_job_queues" },
  { database: "jobs", table: "acme_jobs.taken" },
  { database: "jobs", table: "acme_jobs.failures" },
  { database: "jobs", table: "acme_jobs.workers" },
];
const holdForMs = [500, 4_000] as const;
const heldKinds: readonly [Pausable, ...Pausable[]] = [
  { task: shipOrder.name },
  { task: printLabel.name },
  "everything",
];
type Table = Pick<TableLock, "database" | "table">;

const terminateEveryMs = 10_000;
const restartEveryMs = 60_000;
/** In each minute, or in a soak that is shorter. */
const shareOfTime = { failover: 1 / 4, fast: 1 / 2, immediate: 3 / 4 };

/** The same seed and duration make the same plan. */
export function planFaults({ seed, durationMs }: { readonly seed: number; readonly durationMs: number }): Fault[] {
  const random = createRandom(seed);
  const faults = [
    ...kills(random, durationMs),
    ...pauses(random, durationMs),
    ...terminations(durationMs),
    ...restarts(random, durationMs, "fast"),
    ...brokenCommits(random, durationMs, { targets: ["writer-1", "writer-2"], databases: ["app"] }),
    ...brokenCommits(random, durationMs, { targets: ["worker-1", "worker-2"], databases: ["app", "jobs"] }),
    ...brokenCommits(random, durationMs, { targets: relayNames, databases: ["app", "jobs"] }),
    ...crashes(random, durationMs),
    ...restarts(random, durationMs, "immediate"),
    ...failovers(durationMs),
    ...blips(random, durationMs),
    ...timeLimits(random, durationMs),
    ...tableLocks(random, durationMs),
    ...heldJobs(random, durationMs),
  ];
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}

function kills(random: Random, durationMs: number): Fault[] {
  const times = timesApart(random, durationMs, [1_500, 4_500]);
  return times.map((atMs) => ({ atMs, kind: "kill", target: random.pick(memberNames) }));
}

function pauses(random: Random, durationMs: number): Fault[] {
  const times = timesApart(random, durationMs, [7_000, 15_000]);
  return times.map((atMs) => {
    const target = random.pick(relayNames);
    return { atMs, kind: "pause", target, forMs: random.between(2_000, 8_000) };
  });
}

/** Between the restarts, which leave no backend to terminate. */
function terminations(durationMs: number): Fault[] {
  const firstMs = terminateEveryMs / 2;
  return every(terminateEveryMs, durationMs + firstMs).map((atMs) => ({ atMs: atMs - firstMs, kind: "terminate" }));
}

/** In the middle of each minute, or at its third quarter. */
function restarts(random: Random, durationMs: number, how: WayToStop): Fault[] {
  return oncePerMinute(durationMs, shareOfTime[how]).map((atMs) => ({
    atMs,
    kind: "restart",
    how,
    downForMs: random.between(300, 4_000),
  }));
}

function crashes(random: Random, durationMs: number): Fault[] {
  return timesApart(random, durationMs, [4_000, 14_000]).map((atMs) => ({ atMs, kind: "crash" }));
}

function failovers(durationMs: number): Fault[] {
  return oncePerMinute(durationMs, shareOfTime.failover).map((atMs) => ({ atMs, kind: "failover" }));
}

/** Mostly of one member; a third of them is of the network itself. */
function blips(random: Random, durationMs: number): Fault[] {
  return timesApart(random, durationMs, [6_000, 16_000]).map((atMs) => ({
    atMs,
    kind: "blip",
    target: random.chance(1 / 3) ? "all" : random.pick(memberNames),
    how: random.pick(["cut", "silent"]),
    forMs: random.between(...blipForMs),
  }));
}

function timeLimits(random: Random, durationMs: number): Fault[] {
  return timesApart(random, durationMs, [6_000, 16_000]).map((atMs) => ({
    atMs,
    kind: "limit",
    setting: random.pick(["statement_timeout", "lock_timeout"]),
    limitMs: random.between(...limitMs),
    forMs: random.between(500, 3_000),
  }));
}

function tableLocks(random: Random, durationMs: number): Fault[] {
  return timesApart(random, durationMs, [5_000, 12_000]).map((atMs) => ({
    atMs,
    kind: "lock",
    ...random.pick(lockedTables),
    forMs: random.between(...lockForMs),
  }));
}

function heldJobs(random: Random, durationMs: number): Fault[] {
  return timesApart(random, durationMs, [5_000, 15_000]).map((atMs) => ({
    atMs,
    kind: "hold",
    what: random.pick(heldKinds),
    forMs: random.between(...holdForMs),
  }));
}

function brokenCommits(random: Random, durationMs: number, { targets, databases }: Aim): Fault[] {
  const times = timesApart(random, durationMs, [1_000, 2_000]);
  return times.map((atMs) => ({
    atMs,
    kind: "commit",
    target: random.pick(targets),
    database: random.pick(databases),
    how: random.pick(waysToBreak),
    forMs: random.between(...heldForMs),
  }));
}

interface Aim {
  readonly targets: readonly [MemberName, ...MemberName[]];
  readonly databases: readonly [keyof Urls, ...(keyof Urls)[]];
}

/** Once in a soak that is shorter than a minute. */
function oncePerMinute(durationMs: number, share: number): number[] {
  const firstMs = Math.min(durationMs, restartEveryMs) * share;
  return [0, ...every(restartEveryMs, durationMs - firstMs)].map((startMs) => startMs + firstMs);
}

function every(stepMs: number, durationMs: number): number[] {
  const times = [];
  for (let atMs = stepMs; atMs < durationMs; atMs += stepMs) times.push(atMs);
  return times;
}

function timesApart(random: Random, durationMs: number, [least, most]: readonly [number, number]): number[] {
  const times = [];
  for (let atMs = random.between(least, most); atMs < durationMs; atMs += random.between(least, most)) times.push(atMs);
  return times;
}
