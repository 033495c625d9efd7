import type { QueryConfig, QueryResult } from "pg";
import { isTransient, retryWhile } from "../database/database-errors.ts";
import { completeOwned } from "./complete-jobs.ts";
import { nothing, type Send } from "./fetch-jobs.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { idsOf, type Holding } from "./holding.ts";
import { withoutJobs, type Write } from "./job-writes.ts";
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
  /** Has a connection for each statement. */
  readonly sendAlone: Send;
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
    const ids = [...new Set(kind.idsOf(config.values ?? []))];
    const mayPass = (error: unknown) => ids.length === 1 || isTransient(error);
    try {
      return await writeTogether(config, kind, { send, attempt: (work) => insistOn(work, mayPass) });
    } catch (error) {
      if (ids.length < 2 || giveUp.aborted) throw error;
      // The database may refuse one of them alone.
      return writeEach(config, kind, ids);
    }
  };

  /** One after the other, and again and again those that are refused, so that none of them holds up another. */
  const writeEach = (config: QueryConfig, kind: Write, ids: readonly string[]): Promise<QueryResult> => {
    let left = ids;
    const alone: Writing = { send: options.sendAlone, attempt: (work) => work(), areNoted: true };
    const writeLeft = async () => {
      if (kind.how === "failed") await observer.beforeFailing(left, poolId());
      const refused: string[] = [];
      let refusal: unknown;
      for (const id of left) {
        const values = kind.without(config.values ?? [], (jobId) => jobId !== id);
        try {
          await writeTogether({ ...config, values }, kind, alone);
        } catch (error) {
          refused.push(id);
          refusal = error;
        }
      }
      left = refused;
      if (refused.length > 0) throw refusal;
      return nothing;
    };
    return insistOn(writeLeft, () => true);
  };

  const writeTogether = async (config: QueryConfig, kind: Write, writing: Writing) => {
    const { send, attempt } = writing;
    const ids = kind.idsOf(config.values ?? []);
    const holdings = held.end(ids, kind.how === "returned" ? "returned" : "run");
    // Not of a disowned one: under its number the pool may hold another lock.
    const unused = holdings.filter(({ isUnused, isDisowned }) => isUnused && !isDisowned);
    const takenBack = new Set([...held.takenBackAmong(holdings), ...unused]);
    const isWritten = (holding: Holding) => !holding.isDisowned && !takenBack.has(holding);
    let [written, left]: [readonly Holding[], readonly Holding[]] = [[], []];
    // Looked at before each try: the one before may have released a job, and the pool may have fetched it again since.
    const others = () => {
      written = holdings.filter(isWritten);
      left = holdings.filter((holding) => !isWritten(holding));
      if (left.length === ids.length) return undefined;
      return left.length === 0 ? config : withoutJobs(config, kind, { left, written });
    };
    try {
      const answer = await writeOthers(others, kind, { ...writing, observer, poolId });
      // Whatever Graphile Worker has to say of them. The other thread may not have got through to the database.
      if (takenBack.size > 0) await attempt(() => send(returnOnly(poolId(), idsOf(takenBack))));
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

  return {
    write: (config, kind, send) => track(write(config, kind, send)),
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

/** How jobs are written. */
interface Writing {
  readonly send: Send;
  /** Does the work, and perhaps does it again. */
  readonly attempt: (work: () => Promise<QueryResult>) => Promise<QueryResult>;
  /** What is to happen with failed ones is noted already. */
  readonly areNoted?: true;
}

/**
 * Also what the database refuses (the password was changed, a right taken away) is written again: otherwise a job that is
 * done would run once more.
 */
function createInsistence({ observer, giveUp }: Pick<WriteInterceptorOptions, "observer" | "giveUp">) {
  return async (work: () => Promise<QueryResult>, mayPass: (error: unknown) => boolean) => {
    let note: ReturnType<PoolObserver["onWriteFailed"]> | undefined;
    const workOnce = async () => {
      try {
        return await work();
      } catch (error) {
        // By itself: that others are written says nothing about this one.
        note ??= observer.onWriteFailed();
        note({ error });
        throw error;
      }
    };
    try {
      return await retryWhile(workOnce, mayPass, giveUp);
    } finally {
      // Written, or insisted on in another way.
      note?.();
    }
  };
}

/** @param others - What to write, `undefined` if nothing. It may change while the answer to a question is awaited. */
function writeOthers(
  others: () => QueryConfig | undefined,
  { how, idsOf: idsIn }: Write,
  { send, attempt, areNoted, observer, poolId }: Writing & Pick<WriteInterceptorOptions, "observer" | "poolId">,
): Promise<QueryResult> {
  return attempt(async () => {
    const noted = others();
    if (noted === undefined) return nothing;
    if (how === "failed" && areNoted !== true) await observer.beforeFailing(idsIn(noted.values ?? []), poolId());
    const config = others();
    return config === undefined ? nothing : send(owned(config, how, poolId()));
  });
}

function owned(config: QueryConfig, how: Write["how"], poolId: string): QueryConfig {
  if (how === "returned") return returnUnsuperseded(config);
  return how === "completed" ? completeOwned(config, poolId) : config;
}
