/** Something that is wrong, and where. */
export interface Finding {
  /** Relative to the root of the repository. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** What was found about one code, example, link or name; nothing, where it is right. */
export type Check = readonly Finding[];
