/** Fetches again while there may be more jobs. Graphile Worker itself would wait for its next poll. */
export interface FetchAgain {
  /** Call it if there may be more jobs than were fetched. */
  onMore(): void;
  /** Call it when a job has ended. */
  onFree(): void;
}

export interface FetchAgainOptions {
  /** Whether the pool may fetch jobs now. */
  readonly hasRoom: () => boolean;
  /** Lets an idle worker of the pool fetch. */
  readonly fetchOne: () => void;
}

export function createFetchAgain({ hasRoom, fetchOne }: FetchAgainOptions): FetchAgain {
  let mayBeMore = false;
  let isUnderWay = false;

  /** Fetches once for all jobs that end together. */
  const fetchMore = () => {
    if (!mayBeMore || isUnderWay) return;
    isUnderWay = true;
    setImmediate(() => {
      isUnderWay = false;
      mayBeMore = false;
      fetchOne();
    });
  };

  return {
    onMore() {
      mayBeMore = true;
      if (hasRoom()) fetchMore();
    },
    onFree: fetchMore,
  };
}
