import { Command, Option } from "@commander-js/extra-typings";
import { parseDuration } from "./input/duration.ts";
import type { TimeFormat } from "./output/time.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly outboxUrl?: string;
  readonly config?: string;
  readonly json?: true;
  readonly color: boolean;
  readonly quiet?: true;
  readonly time: TimeFormat;
  /** Milliseconds. */
  readonly timeout: number;
}

const defaultTimeoutMs = 30_000;

/** The program, with these options. */
export function createProgram(version: string) {
  return new Command("acme-jobs")
    .description("See, understand and mend the jobs of @acme/jobs.")
    .version(version)
    .option("--url <url>", "the jobs database (default: JOB_QUEUE_DATABASE_URL, then DATABASE_URL)")
    .option("--outbox-url <url>", "the database of the data, if it has an outbox")
    .option("--config <file>", "the configuration (default: acme-jobs.config.ts)")
    .option("--json", "print JSON, errors included")
    .option("--no-color", "print no colours")
    .option("--quiet", "print no remarks, only results and errors")
    .addOption(
      new Option("--time <format>", "how to print times")
        .choices(["relative", "iso"] as const)
        .default("relative" as const),
    )
    .addOption(
      new Option("--timeout <duration>", "give up reading after this long")
        .argParser(parseDuration)
        .default(defaultTimeoutMs, "30s"),
    );
}
