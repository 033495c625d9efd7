/** The pools of a worker: those that live, and those that are abandoned until their jobs are recovered. */
export interface OwnPools {
  readonly living: readonly string[];
  readonly abandoned: readonly string[];
  /** Resolves with `onRegistered`. */
  register(poolId: string): Promise<void>;
  /** Resolves with `onGone`. */
  abandon(poolId: string): Promise<void>;
  /** The database that a pool has registered in, if it has. */
  installationOf(poolId: string): string | undefined;
  onRegistered(poolId: string, installationId: string): void;
  onGone(poolId: string): void;
}

/** @param onChanged - Called when a pool was added or abandoned. */
export function createOwnPools(onChanged: () => void): OwnPools {
  const living = new Map<string, () => void>();
  const abandoned = new Map<string, () => void>();
  const installations = new Map<string, string>();
  return {
    get living() {
      return [...living.keys()];
    },
    get abandoned() {
      return [...abandoned.keys()];
    },
    register: (poolId) =>
      new Promise((resolve) => {
        living.set(poolId, resolve);
        onChanged();
      }),
    abandon: (poolId) =>
      new Promise((resolve) => {
        living.delete(poolId);
        abandoned.set(poolId, resolve);
        onChanged();
      }),
    installationOf: (poolId) => installations.get(poolId),
    onRegistered(poolId, installationId) {
      installations.set(poolId, installationId);
      living.get(poolId)?.();
    },
    onGone(poolId) {
      abandoned.get(poolId)?.();
      abandoned.delete(poolId);
      installations.delete(poolId);
    },
  };
}
