import { AttemptTimer } from "./attempt-timer.ts";

export interface OutliveOptions {
  readonly running: Set<RunningAttempt>;
  readonly timeoutMs: number | undefined;
  readonly onTimeout: () => void;
}

/** Most code never looks at its signal, and making one costs more than all the rest of an attempt. */
export class RunningAttempt {
  #controller: AbortController | undefined;
  #endReason: Error | undefined;
  #reject: ((reason: Error) => void) | undefined;
  #timer: AttemptTimer | undefined;
  #isWaiting = false;
  /** Whether there is code to wait for: a schema may take its time, too. */
  hasBegun = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#endReason !== undefined) this.#controller.abort(this.#endReason);
    }
    return this.#controller.signal;
  }

  /** What is waited for is not of the task, and does not count for its time. */
  async waitFor<Result>(answer: Promise<Result>): Promise<Result> {
    this.#isWaiting = true;
    this.#timer?.pause();
    try {
      return await answer;
    } finally {
      this.#isWaiting = false;
      this.#timer?.run();
    }
  }

  /** @throws why it has ended, where its payload was known too late. */
  begin(): void {
    if (this.#endReason !== undefined) throw this.#endReason;
    this.hasBegun = true;
  }

  /** Settles as the code does, or as soon as the attempt is ended. Once it is aborted, the result no longer counts. */
  outlive(result: PromiseLike<unknown>, { running, timeoutMs, onTimeout }: OutliveOptions): Promise<unknown> {
    this.#timer = timeoutMs === undefined ? undefined : new AttemptTimer(timeoutMs, onTimeout);
    if (!this.#isWaiting) this.#timer?.run();
    running.add(this);
    const leave = () => {
      running.delete(this);
      this.#timer?.pause();
      this.#timer = undefined;
    };
    return new Promise((resolve, reject) => {
      // A thenable may answer with one more promise, and has not ended before that.
      const settled = result instanceof Promise ? result : Promise.resolve(result);
      this.#reject = (reason) => {
        leave();
        reject(reason);
      };
      const succeed = (value: unknown) => {
        leave();
        if (this.#endReason === undefined) resolve(value);
        else reject(this.#endReason);
      };
      const fail = (reason: Error) => this.#reject?.(this.#endReason ?? reason);
      settled.then(succeed, fail);
    });
  }

  /** Its time is over, and its code may take as long as it needs to see that. */
  abort(reason: Error): void {
    this.#endReason ??= reason;
    this.#controller?.abort(reason);
  }

  end(reason: Error): void {
    this.abort(reason);
    this.#reject?.(this.#endReason ?? reason);
  }
}
