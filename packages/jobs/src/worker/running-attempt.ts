import { AttemptTimer } from "./attempt-timer.ts";

export interface OutliveOptions {
  readonly running: Set<RunningAttempt>;
  readonly timeoutMs: number | undefined;
  readonly onTimeout: () => void;
}

/** The signal is made at its first use: most code never uses it, and making one costs more than the rest of an attempt. */
export class RunningAttempt {
  #controller: AbortController | undefined;
  #endReason: Error | undefined;
  #reject: ((reason: Error) => void) | undefined;
  #timer: AttemptTimer | undefined;
  #isWaiting = false;
  /** Whether the code has begun. Before that, an asynchronous schema may be under way. */
  hasBegun = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#endReason !== undefined) this.#controller.abort(this.#endReason);
    }
    return this.#controller.signal;
  }

  /** Waits for something that is not part of the task, and stops its timer meanwhile. */
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

  /** @throws the reason of the end, if the attempt has ended while its schema was under way. */
  begin(): void {
    if (this.#endReason !== undefined) throw this.#endReason;
    this.hasBegun = true;
  }

  /**
   * Settles as the code does, or rejects when the attempt is ended. After that, the result of the code no longer
   * counts.
   */
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
      // A thenable may resolve with another promise, and has not ended before that one has.
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

  /** The time limit is reached. The code may take as long as it needs to notice. */
  abort(reason: Error): void {
    this.#endReason ??= reason;
    this.#controller?.abort(reason);
  }

  end(reason: Error): void {
    this.abort(reason);
    this.#reject?.(this.#endReason ?? reason);
  }
}
