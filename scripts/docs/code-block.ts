/** A piece of TypeScript that a reader may copy. */
export interface CodeBlock {
  readonly file: string;
  /** Of its first line, counted from 1. */
  readonly line: number;
  /** Blocks of one document see what earlier ones declare. */
  readonly document: string;
  readonly code: string;
}
