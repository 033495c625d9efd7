import { withTimeout } from "@acme/shared/timeout";
import type { Jobs } from "../jobs.ts";
import type { CliConfig } from "./config.ts";
import { readConfigFile } from "./config-file.ts";
import { connect } from "./connect.ts";
import type { GlobalOptions } from "./global-options.ts";
import { createOutput, type Output } from "./output/output.ts";

/** What an action has at hand. */
export interface CliContext {
  readonly options: GlobalOptions;
  readonly output: Output;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Opens the jobs at the first call. */
  openJobs(): Promise<Jobs>;
  /** Reads the configuration file at the first call. `undefined`: there is none. */
  readConfig(): Promise<CliConfig | undefined>;
}

/** Whoever interrupts a command does not wait for an answer that its connections still wait for. */
const longestCloseMs = 250;

/** A context that closes what was opened. */
export function createContext(options: GlobalOptions, signal: AbortSignal): CliContext & AsyncDisposable {
  let connecting: ReturnType<typeof connect> | undefined;
  let config: Promise<CliConfig | undefined> | undefined;
  const readConfig = () => (config ??= readConfigFile(options.config));
  const close = async () => {
    // The tasks of a configuration may have opened its jobs, too.
    const configured = await config?.catch(() => undefined);
    const connected = await connecting?.catch(() => undefined);
    await connected?.close();
    if (configured?.jobs !== connected?.jobs) await configured?.jobs?.close();
  };
  return {
    options,
    signal,
    output: createOutput(options),
    readConfig,
    async openJobs() {
      connecting ??= connect(options, readConfig);
      return (await connecting).jobs;
    },
    async [Symbol.asyncDispose]() {
      const closing = close();
      await (signal.aborted ? withTimeout(longestCloseMs, closing).catch(() => undefined) : closing);
    },
  };
}
