import type { QueryConfig, QueryResult } from "pg";
import { isTransient, retryWhile } from "../database/database-errors.ts";
import { completeOwned } from "./complete-jobs.ts";
import { nothing, type Send } from "./fetch-jobs.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { idsOf, type Holding } from "./holding.ts";
import type { Write } from "./job-writes.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { Releases } from "./releases.ts";
import { returnOnly, returnUnsuperseded } from "./return-jobs.ts";

export interface WriteInterceptorOptions {
  readonly held: HeldJobs;
  readonly observer: Pick<PoolObserver, "beforeFailing" | "onWriteFailed">;
  readonly releases: Releases;
  readonly poolId: () => string;
  /** Whether the pool is shutting down. */
  readonly isEnding: () => boolean;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
}

/** The statements by which Graphile Worker writes what became of jobs. */
export interface WriteInterceptor {
  write(config: QueryConfig, kind: Write, send: Send): Promise<QueryResult>;
  /** Resolves when nothing about jobs is being written. */
  settled(): Promise<void>;
}

export function createWriteInterceptor(options: WriteInterceptorOptions): WriteInterceptor {
  const { held, observer, releases, poolId, giveUp } = options;
  const insistOn = createInsistence(options);
  const underWay = new Set<Promise<unknown>>();

  const track = (writing: Promise<QueryResult>) => {
    underWay.add(writing);
    const forget = () => underWay.delete(writing);
    writing.then(forget, forget);
    return writing;
  };

  const write = async (config: QueryConfig, kind: Write, send: Send): Promise<QueryResult> => {
    const ids = new Set(kind.idsOf(config.values ?? []));
    try {
      return await writeTogether(config, kind, send);
    } catch (error) {
      if (ids.size < 2 || giveUp.aborted) throw error;
      // One of them that is refused must not hold up the others.
      const alone = [...ids].map((id) => {
        const values = kind.without(config.values ?? [], (jobId) => jobId !== id);
        return writeTogether({ ...config, values }, kind, send);
      });
      const refused = (await Promise.allSettled(alone)).find(({ status }) => status === "rejected");
      if (refused) throw error;
      return nothing;
    }
  };

  const writeTogether = async (config: QueryConfig, kind: Write, send: Send) => {
    const ids = kind.idsOf(config.values ?? []);
    const holdings = held.end(ids, kind.how === "returned" ? "returned" : "run");
    // Not of a disowned one: under its number the pool may hold another lock.
    const unused = holdings.filter(({ isUnused, isDisowned }) => isUnused && !isDisowned);
    const takenBack = new Set([...held.takenBackAmong(holdings), ...unused]);
    const isWritten = (holding: Holding) => !holding.isDisowned && !takenBack.has(holding);
    const written = holdings.filter(isWritten);
    const left = holdings.filter((holding) => !isWritten(holding));
    try {
      const others = left.length === 0 ? config : withoutJobs(config, kind, { left, written });
      const answer = left.length < ids.length ? await writeAsIs(others, kind, send) : nothing;
      // Whatever Graphile Worker has to say of them. The other thread may not have got through to the database.
      if (takenBack.size > 0) await insistOn(idsOf(takenBack), () => send(returnOnly(poolId(), idsOf(takenBack))));
      held.letGo(holdings);
      releases.release(kind.how, written);
      releases.release("returned", [...takenBack]);
      releases.disown(left.filter(({ isDisowned }) => isDisowned));
      releases.reopen();
      return answer;
    } catch (error) {
      held.keep(holdings);
      // A pool that shuts down does not wait for what it gives back: the error would end the process. What is held still tells that it was not written.
      if (kind.how === "returned" && options.isEnding()) return nothing;
      throw error;
    }
  };

  const writeAsIs = (config: QueryConfig, { how, idsOf: idsIn }: Write, send: Send) =>
    insistOn(idsIn(config.values ?? []), async () => {
      if (how === "failed") await observer.beforeFailing(idsIn(config.values ?? []));
      return send(owned(config, how, poolId()));
    });

  return {
    write: (config, kind, send) => track(write(config, kind, send)),
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

/**
 * Also what the database refuses (the password was changed, a right taken away) is written again: otherwise a job that is
 * done would run once more. Of several jobs it may refuse one alone; then the error comes out.
 */
function createInsistence({ observer, giveUp }: Pick<WriteInterceptorOptions, "observer" | "giveUp">) {
  return async (jobIds: readonly string[], send: () => Promise<QueryResult>) => {
    let note: ReturnType<PoolObserver["onWriteFailed"]> | undefined;
    const sendOnce = async () => {
      try {
        const answer = await send();
        note?.();
        return answer;
      } catch (error) {
        // By itself: that others are written says nothing about this one.
        note ??= observer.onWriteFailed();
        note({ error });
        throw error;
      }
    };
    try {
      return await retryWhile(sendOnce, (error) => jobIds.length === 1 || isTransient(error), giveUp);
    } catch (error) {
      // From now on each is insisted on by itself.
      note?.();
      throw error;
    }
  };
}

function owned(config: QueryConfig, how: Write["how"], poolId: string): QueryConfig {
  if (how === "returned") return returnUnsuperseded(config);
  return how === "completed" ? completeOwned(config, poolId) : config;
}

/** A number stays where any job of it is to be written. */
function withoutJobs(
  config: QueryConfig,
  { without }: Write,
  { left, written }: { readonly left: readonly Holding[]; readonly written: readonly Holding[] },
): QueryConfig {
  const [leftIds, writtenIds] = [new Set(idsOf(left)), new Set(idsOf(written))];
  const isLeftOut = (jobId: string) => leftIds.has(jobId) && !writtenIds.has(jobId);
  return { ...config, values: without(config.values ?? [], isLeftOut) };
}
