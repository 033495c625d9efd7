import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "@acme/shared/logger";
import { checkCount, checkNames, checkNumber, longestTimerMs } from "../check-options.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { outboxChannel } from "./announcer.ts";
import { listen } from "./listen.ts";
import { createBatchMover } from "./batch-mover.ts";
import { endUnreadClaims } from "./claim-rows.ts";
import type { RelayPools } from "./move-batch.ts";
import { readOutboxId } from "./outbox-table.ts";
import { forgetTaken } from "./moved-ids.ts";

/** How a relay polls the outbox. The defaults serve most. */
export interface RelayOptions {
  /** Rows moved in one transaction, from 1. Default: 5,000. */
  readonly batchSize?: number;
  /** Milliseconds between two polls when nothing wakes the relay. Default: 1,000. */
  readonly pollIntervalMs?: number;
}

/** Moves outbox rows to the jobs database. Any number of relays may run. None repeats what another has moved. */
export interface Relay extends AsyncDisposable {
  /**
   * Polls at once instead of when the interval has passed.
   *
   * @throws Nothing.
   */
  wake(): void;
  /**
   * Finishes the current batch. The rows that are left wait for another relay.
   *
   * @throws Nothing.
   */
  stop(): Promise<void>;
}

const firstRetryMs = 100;
const longestRetryMs = 5_000;
const forgetEveryMs = 60_000;
const endUnreadEveryMs = 10_000;
const longestDrainMs = 10_000;

/** What a relay is built on. */
export interface RelayParts {
  readonly pools: RelayPools;
  readonly logger: Logger;
  /** Makes the tables ready; runs before the first batch, again until it succeeds. */
  readonly prepare: () => Promise<void>;
}

export function startRelay({ pools, logger, prepare }: RelayParts, options: RelayOptions = {}): Relay {
  checkNames(options, { what: "A relay", known: ["batchSize", "pollIntervalMs"] satisfies (keyof RelayOptions)[] });
  const { batchSize = 5_000, pollIntervalMs = 1_000 } = options;
  checkCount("batchSize", batchSize, [1, 100_000]);
  checkNumber("pollIntervalMs", pollIntervalMs, [10, longestTimerMs]);
  const stopping = new AbortController();
  let wakeUp = new AbortController();
  let failuresInARow = 0;
  let forgetAt = 0;
  let endUnreadAt = 0;
  const moveRound = createBatchMover(pools, { batchSize, signal: stopping.signal });

  const wake = () => wakeUp.abort();
  const listener = listen(pools.outbox, outboxChannel, wake);
  stopping.signal.addEventListener("abort", wake);

  const rest = async (delayMs: number) => {
    // A wake that came while the batch was moving is still set, and ends the rest at once.
    await pause(delayMs, undefined, { signal: wakeUp.signal }).catch(() => undefined);
    wakeUp = new AbortController();
    if (stopping.signal.aborted) wake();
  };

  const moveAll = async () => {
    const { movedCount, refused, nextInMs = Infinity } = await moveRound();
    if (failuresInARow > 0) logger.info({ failuresInARow }, "relay works again");
    failuresInARow = 0;
    for (const { request, reason } of refused) {
      const { code } = reason as { readonly code?: unknown };
      logger.error(
        { id: request.id, task: request.settings.task, code },
        "an outbox row was refused; it is a dead letter now",
      );
    }
    if (performance.now() > endUnreadAt) {
      endUnreadAt = performance.now() + endUnreadEveryMs;
      await endUnreadClaims(withQueryTimeout(pools.outbox)).catch((error: unknown) =>
        logger.debug({ err: error }, "the relay could not end unread claims of others"),
      );
    }
    if (performance.now() > forgetAt) {
      forgetAt = performance.now() + forgetEveryMs;
      // Where nothing waits to be moved, a jobs database that is away is no trouble of a relay.
      await forgetOld().catch((error: unknown) => logger.debug({ err: error }, "the relay could not forget old rows"));
    }
    if (movedCount === 0 && nextInMs > 0) return rest(Math.min(pollIntervalMs, nextInMs));
  };

  const forgetOld = async () => {
    const databases = { outbox: withQueryTimeout(pools.outbox), jobs: withQueryTimeout(pools.jobs) };
    const outboxId = await readOutboxId(databases.outbox);
    while ((await forgetTaken(databases, outboxId)) > 0 && !stopping.signal.aborted);
  };

  let isPrepared = false;
  const loop = async () => {
    while (!stopping.signal.aborted) {
      try {
        if (!isPrepared) await prepare();
        isPrepared = true;
        if (!stopping.signal.aborted) await moveAll();
      } catch (error) {
        failuresInARow += 1;
        if (failuresInARow === 1) logger.warn({ err: error }, "relay cannot move outbox rows; it keeps trying");
        // A commit next door must not turn the wait for a database that is down into a busy loop.
        await pause(Math.min(longestRetryMs, firstRetryMs * 2 ** (failuresInARow - 1)), undefined, {
          signal: stopping.signal,
        }).catch(() => undefined);
      }
    }
  };
  const finished = loop();

  const stop = async () => {
    stopping.abort();
    // The listener first: it holds a connection that the last batch may be waiting for. A batch that hangs on a network that
    // has gone silent is left alone: its rows are still where they were.
    await Promise.race([Promise.all([listener.stop(), finished]), pause(longestDrainMs, undefined, { ref: false })]);
  };
  return { wake, stop, [Symbol.asyncDispose]: stop };
}
