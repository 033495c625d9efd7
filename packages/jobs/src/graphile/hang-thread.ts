// Runs in a thread of its own. While the main thread hangs, gives back the jobs that it holds and has not begun.
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Client, ClientConfig } from "pg";
import { endUnreadStatements } from "../database/end-unread-statements.ts";
import { announce, returnAllBut, returnOnly, startOfFetch } from "./return-jobs.ts";
import { at, begunIds, hasHeld, takeBackHeld, type HangMemory } from "./hang-memory.ts";

export interface HangThreadData {
  readonly memory: HangMemory;
  readonly connection: ClientConfig;
  readonly poolId: string;
  readonly everyMs: number;
  /** This many checks without a beat in between are a hang. */
  readonly missedBeats: number;
}

export type HangThreadMessage =
  | { readonly kind: "round over" }
  | { readonly kind: "hang over"; readonly hungMs: number; readonly jobCount: number; readonly error?: unknown };

const { memory, connection, poolId, everyMs, missedBeats } = workerData as HangThreadData;
const { head } = memory;
/** The longest time between two rounds of one hang, in checks. */
const longestPause = 100;
const longestAnswerMs = 10_000;

/** Jobs that are taken back in the shared memory, and not yet in the database. */
let waiting: string[] = [];
let jobCount = 0;
let failure: { readonly error: unknown } | undefined;

const beatNow = () => Atomics.load(head, at.beats);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread has none
const tell = (message: HangThreadMessage) => parentPort?.postMessage(message);

async function watch(): Promise<never> {
  for (;;) {
    const beat = beatNow();
    const beatAt = performance.now();
    let missed = 0;
    let nextRound = missedBeats;
    for (let gap = 1; beatNow() === beat;) {
      await pause(everyMs);
      missed += 1;
      if (missed < nextRound || beatNow() !== beat) continue;
      await goRound(beat);
      nextRound = missed + gap;
      gap = Math.min(gap * 2, longestPause);
    }
    if (missed >= missedBeats) endHang(Math.round(performance.now() - beatAt));
  }
}

function endHang(hungMs: number): void {
  tell({ kind: "hang over", hungMs, jobCount, ...failure });
  // The main thread gives back the jobs that this thread could not, and may fetch them again.
  waiting = [];
  jobCount = 0;
  failure = undefined;
}

async function goRound(beat: number): Promise<void> {
  if (waiting.length === 0 && !hasHeld(memory) && Atomics.load(head, at.fetches) === 0) return;
  let client: Client | undefined;
  try {
    client = await connect();
    // Only fetches that began before this moment are ended, and only locks from before the transaction are given back.
    if (Atomics.load(head, at.fetches) > 0 && beatNow() === beat) await endUnread(client);
    await client.query("begin");
    if (beatNow() === beat) await giveBack(client);
    failure = undefined;
  } catch (error) {
    failure = { error };
  } finally {
    client?.end().catch(() => undefined);
  }
}

/** As the connected user: a role that was set may not end the sessions of that user. */
async function endUnread(client: Client): Promise<void> {
  await client.query("set role none");
  await client.query(endUnreadStatements(startOfFetch(poolId), { afterMs: 0 }));
  await client.query("reset role");
}

async function connect(): Promise<Client> {
  const pg = await import("pg");
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: longestAnswerMs,
    query_timeout: longestAnswerMs,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function giveBack(client: Client): Promise<void> {
  Atomics.add(head, at.round, 1);
  try {
    waiting = waiting.concat(takeBackHeld(memory));
    // The main thread has not read the answer of a fetch, so its jobs are not in the shared memory.
    const isUnread = Atomics.load(head, at.fetches) > 0 && Atomics.load(head, at.uncovered) === 0;
    const statement = isUnread ? returnAllBut(poolId, begunIds(memory)) : returnOnly(poolId, waiting);
    const { rows } = await client.query<{ count: number }>(statement);
    const count = rows[0]?.count ?? 0;
    if (count > 0) await client.query(announce(count));
    await client.query("commit");
    waiting = [];
    jobCount += count;
  } finally {
    Atomics.add(head, at.round, 1);
    tell({ kind: "round over" });
  }
}

void watch();
