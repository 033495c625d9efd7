import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeReport, isClean } from "./describe-report.ts";
import { makeLogDirectory, runSoak } from "./run-soak.ts";

const { minutes, seed } = readArguments();
const logDirectory = makeLogDirectory();
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    // Twice means at once: what is left ends with this process.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
}

tell(`soak of ${minutes} min, seed ${seed}; logs in ${logDirectory}`);
try {
  const report = await runSoak({ durationMs: minutes * 60_000, seed, logDirectory, signal: interrupted.signal });
  tell(describeReport(report));
  if (isClean(report)) rmSync(logDirectory, { recursive: true });
  else fail(`The logs of all processes are in ${logDirectory}; run it again with --minutes ${minutes} --seed ${seed}.`);
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  fail(`Interrupted; nothing is left running. The logs are in ${logDirectory}.`, 130);
}

function readArguments(): { minutes: number; seed: number } {
  const anySeed = String(Date.now() % 100_000);
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: "1" }, seed: { type: "string", default: anySeed } },
  });
  const given = { minutes: Number(values.minutes), seed: Number(values.seed) };
  const isValid = given.minutes > 0 && given.minutes <= 1_440 && Number.isSafeInteger(given.seed) && given.seed >= 0;
  if (!isValid) throw new Error("usage: soak --minutes <more than 0, up to 1440> --seed <a whole number from 0>");
  return given;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(line: string, exitCode = 1): void {
  process.stderr.write(`${line}\n`);
  process.exitCode = exitCode;
}
