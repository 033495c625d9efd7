import type { Pool } from "pg";
import type { Slots } from "./slots.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { idsOf, type Holding } from "./holding.ts";
import type { PoolObserver, ReleasedJobs } from "./pool-observer.ts";
import { announce } from "./return-jobs.ts";

/** Reports the end of jobs that the pool held, when it is written. */
export interface Releases {
  release(how: ReleasedJobs["how"], holdings: readonly Holding[]): void;
  /** For jobs whose end is not written, because their rows belong to others by now. */
  disown(holdings: readonly Holding[]): void;
  /** If jobs were taken back, lets the pool fetch again when Graphile Worker is done with all of them. */
  reopen(): void;
}

export interface ReleasesOptions {
  readonly pool: Pool;
  readonly held: HeldJobs;
  readonly slots: Slots | undefined;
  readonly observer: Pick<PoolObserver, "onReleased" | "onDisowned">;
  /** Called when the pool may fetch again. */
  readonly onReopened: () => void;
}

export function createReleases({ pool, held, slots, observer, onReopened }: ReleasesOptions): Releases {
  const gaveBack = (count: number) => {
    slots?.gaveBack(count);
    pool.query(announce(count)).catch(() => undefined);
  };

  return {
    release(how, holdings) {
      if (holdings.length === 0) return;
      if (how === "returned") gaveBack(holdings.length);
      observer.onReleased({ how, jobs: holdings.map(({ job }) => job) });
    },
    disown(holdings) {
      const begun = holdings.filter(({ hasBegun }) => hasBegun);
      if (begun.length > 0) observer.onDisowned(idsOf(begun));
      // There is room for others now, of which the pool may have been told when there was none.
      if (begun.length < holdings.length) gaveBack(holdings.length - begun.length);
    },
    reopen() {
      if (held.reopens()) onReopened();
    },
  };
}
