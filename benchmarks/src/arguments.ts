import { parseArgs } from "node:util";
import type { Size } from "./benchmark.ts";

export interface Arguments {
  readonly names: readonly string[];
  readonly size: Size;
  readonly only: string | undefined;
  readonly rounds: number | undefined;
  readonly directory: string;
}

export const usage = `npm run bench -- [NAME …] [options]

  NAME               one benchmark or several; all of them without
  --full             at full size, where NAME is given (relay, growth and memory take minutes to an hour)
  --quick            tiny: tells whether everything works, nothing about speed
  --only CONTESTANT  that contestant alone, for a profiler: node --cpu-prof src/bench.ts NAME --only acme
  --rounds N         so many runs of each contestant instead of at least five
  --out DIRECTORY    where results.json, results.md and chart.svg go; .data/results otherwise`;

export class UsageError extends Error {
  constructor(what: string) {
    super(`${what}\n\n${usage}`);
  }
}

/** @throws {@link UsageError} */
export function readArguments(known: readonly string[]): Arguments {
  const { values, positionals: names } = parse();
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UsageError(`There is no benchmark "${unknown[0]}", but: ${known.join(", ")}.`);
  if (values.full && names.length === 0) throw new UsageError("--full needs the name of a benchmark.");
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new UsageError("--rounds takes a whole number from 1.");
  return {
    names,
    size: values.full ? "full" : values.quick ? "quick" : "default",
    only: values.only,
    rounds: rounds ?? (values.quick ? 2 : undefined),
    directory: values.out,
  };
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        full: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        rounds: { type: "string" },
        out: { type: "string", default: ".data/results" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
