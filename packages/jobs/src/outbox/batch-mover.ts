import { createHeldKeys, type KeyGroup } from "./held-keys.ts";
import {
  BatchRefusedError,
  KeysHeldError,
  longestMoveMs,
  moveBatch,
  type MovedBatch,
  type RelayPools,
} from "./move-batch.ts";

/** What was moved in one round. */
export interface MovedRound extends MovedBatch {
  /** Milliseconds until there is more to try, though perhaps nothing was moved; `undefined` if somebody has to write first. */
  readonly nextInMs: number | undefined;
}

/** For keys that may be held, between two batches of others. */
const heldShareMs = 500;
const longestWaitMs = 500;
/** For many keys, because the rows of all of them wait meanwhile. */
const shortestWaitMs = 10;
/** For the keys of a batch of which none is suspected yet. */
const firstWaitMs = 100;

/**
 * Moves one batch after the other. A row that is refused is looked for among ever fewer; the others of its batch are moved beside it. Rows with keys that
 * somebody else's transaction holds are left until that has ended.
 *
 * @param options.signal - Ends it between two batches.
 */
export function createBatchMover(
  pools: RelayPools,
  { batchSize, signal }: { readonly batchSize: number; readonly signal: AbortSignal },
): () => Promise<MovedRound> {
  let size = batchSize;
  const held = createHeldKeys();
  const tryFewer = ({ rowCount }: BatchRefusedError) => (size = Math.max(1, Math.floor(rowCount / 2)));

  /** `undefined`: it is to be tried again with other rows. */
  const moveOthers = async (): Promise<MovedBatch | undefined> => {
    const startedAt = performance.now();
    try {
      const moved = await moveBatch(pools, { batchSize: size, without: held.keys, waitMs: firstWaitMs });
      // A claim reads all the rows that it locks, so it locks few if few fit into a batch. And more of a batch that takes long
      // would take longer than it may.
      if (moved.isCut) size = Math.max(1, 2 * moved.movedCount);
      else if (performance.now() - startedAt < longestMoveMs / 4) size = Math.min(batchSize, size * 2);
      return moved;
    } catch (error) {
      if (error instanceof BatchRefusedError) {
        tryFewer(error);
        return undefined;
      }
      if (!(error instanceof KeysHeldError)) throw error;
      held.suspect(error.keys);
      // There may be one more key that is held, and then one more.
      return moveUnkeyed();
    }
  };

  const moveUnkeyed = async (): Promise<MovedBatch | undefined> => {
    try {
      return await moveBatch(pools, { batchSize: size, only: [], waitMs: longestWaitMs });
    } catch (error) {
      if (!(error instanceof BatchRefusedError)) throw error;
      tryFewer(error);
      return undefined;
    }
  };

  const moveGroup = async (group: KeyGroup): Promise<MovedBatch> => {
    const isOne = group.keys.length === 1;
    const waitMs = isOne ? Math.max(shortestWaitMs, Math.floor(longestWaitMs / held.groupCount)) : shortestWaitMs;
    try {
      const moved = await moveBatch(pools, { batchSize: size, only: group.keys, waitMs });
      // Without the keys that another relay has, it may only seem that there is nothing more to move.
      if (moved.isContended) held.postpone(group);
      else if (moved.movedCount < size && !moved.isCut) held.release(group);
      return moved;
    } catch (error) {
      if (error instanceof KeysHeldError) held.leave(group);
      else if (error instanceof BatchRefusedError) {
        // It is looked for among all others.
        tryFewer(error);
        held.release(group);
      } else throw error;
      return none;
    }
  };

  /** Some of those that are due, until one of them has moved. */
  const moveHeld = async (): Promise<MovedBatch> => {
    const endsAt = performance.now() + heldShareMs;
    for (let group = held.due(); group !== undefined && performance.now() < endsAt; group = held.due()) {
      if (signal.aborted) break;
      const moved = await moveGroup(group);
      if (moved.movedCount > 0) return moved;
    }
    return none;
  };

  let wasHeld = false;
  return async function moveRound(): Promise<MovedRound> {
    // In turn, so that neither waits for the end of the other.
    const ofHeld = wasHeld ? none : await moveHeld();
    wasHeld = ofHeld.movedCount > 0;
    if (wasHeld) return { ...ofHeld, nextInMs: 0 };
    const others = signal.aborted ? none : await moveOthers();
    return { ...(others ?? none), nextInMs: others === undefined ? 0 : held.dueInMs };
  };
}

const none: MovedBatch = { movedCount: 0, isContended: false, isCut: false, refused: [] };
