/**
 * Lets all who ask at once share one answer, and those who ask soon after, so that any number of them costs what one does.
 *
 * An answer is kept for `forMs`, counted from when it was asked for.
 */
export function shareAnswers<Answer>(
  ask: () => Promise<Answer>,
  { forMs, now = () => performance.now() }: SharingOptions,
): () => Promise<Answer> {
  let last: { readonly askedAt: number; readonly answer: Promise<Answer>; isOpen: boolean } | undefined;
  return () => {
    if (last !== undefined && (last.isOpen || now() - last.askedAt < forMs)) return last.answer;
    const asked = { askedAt: now(), answer: ask(), isOpen: true };
    const settle = () => {
      asked.isOpen = false;
    };
    asked.answer.then(settle, settle);
    last = asked;
    return asked.answer;
  };
}

export interface SharingOptions {
  readonly forMs: number;
  /** The time in milliseconds, from a clock that only goes forward. */
  readonly now?: (() => number) | undefined;
}
