import { JobsError } from "../errors.ts";
import { createContext, type CliContext } from "./context.ts";
import type { GlobalOptions } from "./global-options.ts";
import { formatJson } from "./output/json.ts";
import { printable } from "./output/printable.ts";
import { UsageError } from "./usage-error.ts";

/** `0`: all is well. `1`: it failed, or a person is needed. `2`: the command line is wrong. */
export type ExitCode = 0 | 1 | 2;

/** What a command does. @returns the exit code, `0` if nothing else is said. */
export type Action = (context: CliContext) => Promise<ExitCode | void>;

/** Runs an action, prints its error, and closes what it has opened. */
export async function runAction(options: GlobalOptions, action: Action): Promise<ExitCode> {
  if (!options.color) process.env["NO_COLOR"] = "1";
  const interruption = listenForInterruption();
  try {
    await using context = createContext(options, interruption.signal);
    return (await action(context)) ?? 0;
  } catch (error) {
    const isStopped = interruption.signal.aborted && error === interruption.signal.reason;
    printError(isStopped ? new Error(stopped) : error, options.json === true);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    interruption.stop();
  }
}

const stopped = "Stopped. What is changed stays changed; the same command goes on with the rest.";

function listenForInterruption(): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const interrupt = () => {
    // The second one ends the process in the usual way.
    stop();
    controller.abort();
  };
  const stop = () => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, interrupt);
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, interrupt);
  return { signal: controller.signal, stop };
}

/** One line on standard error, which says what to do. */
export function printError(error: unknown, isJson: boolean): void {
  const { code, message } = describe(error);
  const text = isJson
    ? formatJson({ error: { code, message } })
    : `acme-jobs: ${printable(message)}${code === undefined || error instanceof UsageError ? "" : ` (${code})`}`;
  process.stderr.write(`${text}\n`);
}

function describe(error: unknown): { readonly code: string | undefined; readonly message: string } {
  if (error instanceof UsageError) return { code: "USAGE", message: withCause(error, error.message) };
  if (error instanceof JobsError) return { code: error.code, message: withCause(error, error.message) };
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const { code } = error as { readonly code?: unknown };
  // Of several addresses that refuse, the error of the whole has no message.
  const message = error.message || (error as AggregateError).errors?.map(String).join("; ") || error.name;
  return { code: typeof code === "string" ? code : undefined, message };
}

/** What PostgreSQL has said is what the person needs. */
function withCause(error: Error, message: string): string {
  const { cause } = error;
  if (error instanceof UsageError || !(cause instanceof Error)) return message;
  const { message: reason } = describe(cause);
  return reason === "" ? message : `${message} Reason: ${reason}`;
}
