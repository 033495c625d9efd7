/** Something the demo promised to show did not happen. */
export class NotSeenError extends Error {
  override readonly name = "NotSeenError";

  constructor(what: string) {
    super(`\nThe demo failed. It did not see this:\n  ${what}`);
  }
}

/** Tells what happens, and insists on seeing it. */
export interface Narrator {
  chapter(title: string): void;
  tell(text: string): void;
  /**
   * Waits for something to happen and tells it.
   *
   * @throws {@link NotSeenError} when it does not happen within `withinMs`.
   */
  see<Result>(what: string, happening: Promise<Result>, options?: { readonly withinMs?: number }): Promise<Result>;
  /** Like {@link see}, for what is either so or not. */
  check(what: string, isSo: boolean): void;
}

export function createNarrator(write: (line: string) => void): Narrator {
  const startedAt = performance.now();
  const tell = (mark: string, text: string) => write(`${secondsSince(startedAt)}  ${mark} ${text}`);
  return {
    chapter: (title) => write(`\n${title}`),
    tell: (text) => tell(" ", text),
    async see(what, happening, { withinMs = 15_000 } = {}) {
      const result = await within(withinMs, happening, what);
      tell("✓", what);
      return result;
    },
    check(what, isSo) {
      if (!isSo) throw new NotSeenError(what);
      tell("✓", what);
    },
  };
}

async function within<Result>(limitMs: number, happening: Promise<Result>, what: string): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NotSeenError(`${what} (waited ${limitMs / 1_000} s)`)), limitMs);
  try {
    return await Promise.race([happening, late]);
  } finally {
    clearTimeout(timer);
  }
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s`;
}
