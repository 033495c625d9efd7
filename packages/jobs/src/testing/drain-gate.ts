import type { FetchGate } from "../graphile/fetch-jobs.ts";

/** Lets a worker fetch so many jobs, or certain jobs, each once. It must be a worker that runs one job at a time. */
export interface DrainGate extends FetchGate {
  readonly fetchedIds: readonly string[];
  /** Those that have not been fetched, if it lets only certain jobs through. */
  readonly leftIds: readonly string[] | undefined;
  readonly isShut: boolean;
}

export function createDrainGate(limit: number, certain: readonly string[] | undefined): DrainGate {
  const left = certain && new Set(certain);
  const fetchedIds: string[] = [];
  const isShut = () => fetchedIds.length >= limit || left?.size === 0;
  return {
    next: () => (isShut() ? [] : left && [...left]),
    fetched(jobIds) {
      fetchedIds.push(...jobIds);
      for (const id of jobIds) left?.delete(id);
    },
    fetchedIds,
    get leftIds() {
      return left && [...left];
    },
    get isShut() {
      return isShut();
    },
  };
}
