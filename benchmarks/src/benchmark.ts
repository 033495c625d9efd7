/** What a benchmark is: work, contestants that do it, and what is asked of them. */
export interface Benchmark {
  readonly name: string;
  /** The work, in one line of the report. */
  readonly work: string;
  /** How much of the run of everything it may take; more rounds are run while there is time. */
  readonly budgetMs: number;
  readonly rounds: { readonly least: number; readonly most: number };
  /**
   * `own`: a process for each contestant, so that heaps do not mix. `fresh`: one for each run, so that no run is compiled
   * by what ran before. `shared`: one for all, where a few percent between two processes would hide what is looked for.
   */
  readonly processes: "own" | "fresh" | "shared";
  cases(size: Size): readonly Case[];
}

export type Size = "quick" | "default" | "full";

export interface Case {
  readonly name: string;
  readonly metrics: readonly Metric[];
  readonly contestants: readonly Contestant[];
  readonly goals: readonly Goal[];
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
}

export interface Contestant {
  readonly name: string;
  /** As the report shows them: what a user would have to write to get the same. */
  readonly settings: string;
  /** The package whose version is shown, where that is not one of this repository. */
  readonly package?: string;
  readonly needs?: "redis";
  /** Called in the process of the contestant. */
  start(world: World): Promise<Measure>;
}

/** Runs the work once and says what came of it; rejects when some of the work was not done. */
export interface Measure {
  run(): Promise<Figures>;
  stop?(): Promise<void>;
}

export type Figures = Readonly<Record<string, number>>;

/** The ratio of two contestants, round by round. */
export interface Goal {
  readonly metric: string;
  readonly of: string;
  /** The best of these counts, in each round. Without any, the limit is one of the figure itself. */
  readonly against: readonly string[];
  /** `cost`: how many times as much, at most. `speed`: how many times as good, at least. `value`: the figure, at most. */
  readonly kind: "cost" | "speed" | "value";
  readonly limit: number;
}

/** The servers, and how big the work is to be. It goes to the processes of the contestants as JSON. */
export interface World {
  readonly size: Size;
  /** Of a superuser, for the database `postgres`. */
  readonly postgresUrl: string;
  /** By `appendfsync`. */
  readonly redisUrls: { readonly everysec: string; readonly no: string } | undefined;
}

export const ours = "acme";
