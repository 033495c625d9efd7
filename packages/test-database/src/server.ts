/** Where the databases of a run are made. */
export interface Server {
  /** With the rights to create databases. */
  readonly url: string;
  /** The beginning of the name of every database of the run. */
  readonly run: string;
  /** Whether it is from npm, and ends with the run. */
  readonly isEmbedded: boolean;
}
