import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "./logging/describe-error.ts";
import { isReaderGone } from "./logging/standard-output.ts";

/** What a command has at hand. */
export interface CommandContext {
  /** What the command opens goes here; it is closed in reverse order when the command ends, however it ends. */
  readonly resources: AsyncDisposableStack;
  /** Aborted by Ctrl-C, SIGTERM, a terminal that was closed, or {@link stop}. */
  readonly stopSignal: AbortSignal;
  /** Stops the command in order, as the first Ctrl-C does. */
  readonly stop: () => void;
}

/**
 * Runs a command until it is done or told to stop, then ends the process: 0 after a clean end, 1 after an error.
 *
 * The first Ctrl-C stops in order; one more, once a second has passed, ends the process at once.
 */
export async function runCommand(command: (context: CommandContext) => Promise<void>): Promise<never> {
  const { interrupted, ...told } = listenForSignals();
  const ended = endInOrder(command, told);
  process.exit(await Promise.race([ended, interrupted]));
}

/** Resolves when the command is told to stop. */
export async function untilStopped({ stopSignal }: CommandContext): Promise<void> {
  if (stopSignal.aborted) return;
  await new Promise((resolve) => stopSignal.addEventListener("abort", resolve, { once: true }));
}

async function endInOrder(
  command: (context: CommandContext) => Promise<void>,
  { stopSignal, stop }: Omit<CommandContext, "resources">,
): Promise<0 | 1> {
  try {
    await using resources = new AsyncDisposableStack();
    await command({ resources, stopSignal, stop });
    return 0;
  } catch (error) {
    if (stopSignal.aborted && error === stopSignal.reason) return 0;
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
}

function listenForSignals(): Omit<CommandContext, "resources"> & { readonly interrupted: Promise<1> } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const { promise: interrupted, resolve } = Promise.withResolvers<1>();
  let firstAt: number | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      firstAt ??= performance.now();
      stop();
      // npm passes on a Ctrl-C that the terminal has sent to the whole group already: that is still the first one.
      if (performance.now() - firstAt > 1_000) resolve(1);
    });
  }
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${explain(error)}\n`);
    resolve(1);
  });
  // A terminal that is written to has no other error than that it has gone. A full disk is no reason to stop.
  process.stdout.on("error", (error) => (process.stdout.isTTY || isReaderGone(error)) && stop());
  process.stderr.on("error", () => undefined);
  if (process.env["npm_lifecycle_event"] !== undefined) whenOrphaned(stop);
  return { stopSignal: controller.signal, stop, interrupted };
}

// A signal to npm ends the shell between npm and this process, and is not passed on: without its parent it is to stop, too.
function whenOrphaned(stop: () => void): void {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), 500).unref();
}

/** Resolves after a while, or at once when told to stop. */
export async function pause(durationMs: number, stopSignal: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal: stopSignal }).catch(() => undefined);
}

function explain(error: unknown): string {
  if (hasTeachingMessage(error)) return error.message;
  return describeError(error).stack ?? "Something that is not an Error was thrown.";
}

// The errors of this repository say what happened and what to do. Of anything else the frames are needed, too.
function hasTeachingMessage(error: unknown): error is Error {
  return error instanceof Error && /^(?:Startup|Jobs|DomainEvents|LocalPostgres|NotSeen)Error$/.test(error.name);
}
