import type { Said } from "./stalled-commit.ts";

/** What was said and what is there, of many units. All but the first four have to be 0. */
export interface Count {
  readonly units: number;
  /** Resolved, and the row is there. */
  readonly committed: number;
  /** Rejected, and the row is absent. */
  readonly aborted: number;
  readonly unknown: number;
  /** An event was published, and the row is absent. */
  readonly phantoms: number;
  readonly resolvedWithoutRow: number;
  /** Said to be rolled back, and the row is there. */
  readonly rejectedWithRow: number;
  /** An event of a unit that has not resolved, one that was published twice, or a resolved unit without one. */
  readonly misheard: number;
}

export const nothingWrong = { phantoms: 0, resolvedWithoutRow: 0, rejectedWithRow: 0, misheard: 0 };

export function countUnits(
  said: ReadonlyMap<number, Said>,
  published: readonly number[],
  stored: readonly number[],
): Count {
  const rows = new Set(stored);
  const units = [...said];
  const count = (what: Said, hasRow?: boolean) =>
    units.filter(([id, word]) => word === what && (hasRow === undefined || rows.has(id) === hasRow)).length;
  const timesPublished = new Map<number, number>();
  for (const id of published) timesPublished.set(id, (timesPublished.get(id) ?? 0) + 1);
  return {
    units: units.length,
    committed: count("resolved", true),
    aborted: count("rejected", false),
    unknown: count("unknown"),
    phantoms: [...timesPublished.keys()].filter((id) => !rows.has(id)).length,
    resolvedWithoutRow: count("resolved", false),
    rejectedWithRow: count("rejected", true),
    misheard: units.filter(([id, word]) => (timesPublished.get(id) ?? 0) !== (word === "resolved" ? 1 : 0)).length,
  };
}
