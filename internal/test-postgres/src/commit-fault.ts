/** What a proxy does to one COMMIT. */
export interface CommitFault {
  kind: "cut-before" | "drop-reply" | "hold-reply";
  /** Settles when the fault has happened. */
  happened: PromiseWithResolvers<void>;
  /** For `hold-reply`: settles when the reply may go on. */
  released: PromiseWithResolvers<void>;
}

export function createCommitFault(kind: CommitFault["kind"]): CommitFault {
  return { kind, happened: Promise.withResolvers(), released: Promise.withResolvers() };
}
