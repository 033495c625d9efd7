import type { Pool } from "pg";
import { checkNames } from "../check-options.ts";
import type { Check, Target } from "./check.ts";
import { compareClocks } from "./clock-checks.ts";
import { checksOf, outboxOnlyChecks, type Checks } from "./checks.ts";
import type { Finding } from "./finding.ts";
import { mendAll } from "./mend-all.ts";
import { openTarget } from "./open-target.ts";
import { checkReach } from "./reach.ts";
import { checkRights } from "./rights-checks.ts";
import { runCheck, runChecks } from "./run-checks.ts";
import { whatIsShared } from "./same-server.ts";
import { checkSchema } from "./schema-checks.ts";
import { resolveThresholds, type Thresholds } from "./thresholds.ts";

/** How to examine, and whether to mend. */
export interface DoctorOptions {
  /** From when on something is reported. What is left out has its default. */
  readonly thresholds?: Partial<Thresholds>;
  /**
   * Whether to mend what is harmless to mend: locks of dead workers, named queues that no job holds, notes on jobs that are gone.
   * Before it counts a worker as dead, it watches heartbeats for some seconds. Default: false.
   */
  readonly fix?: boolean;
}

/** What the doctor examines. */
export interface DoctorParts {
  readonly jobs: (() => Pool) | undefined;
  readonly outbox: (() => Pool) | undefined;
  /** How long heartbeats are watched before a worker counts as dead. In milliseconds. Default: 5,000. */
  readonly watchMs?: number;
}

/**
 * Makes the function that examines the databases. It changes nothing unless told to, and asks over connections of its own, at
 * most three for each database. No statement takes longer than two seconds. A check that fails or takes longer becomes a
 * finding `CHECK_FAILED`, and the others go on.
 *
 * @returns a function whose promise has the findings, errors first; an empty list says that nothing is wrong. It rejects only
 * with `OPTIONS_INVALID` and `CLOSED`.
 */
export function createDoctor({ jobs, outbox, watchMs = 5_000 }: DoctorParts) {
  return async (options: DoctorOptions = {}): Promise<readonly Finding[]> => {
    checkNames(options, { what: "doctor()", known: ["thresholds", "fix"] satisfies (keyof DoctorOptions)[] });
    const thresholds = resolveThresholds(options.thresholds);
    await using jobsTarget = jobs && openTarget("jobs", jobs(), thresholds);
    await using outboxTarget = outbox && openTarget("outbox", outbox(), thresholds);

    const targets = [jobsTarget, outboxTarget].filter((target) => target !== undefined);
    const found = await examineAll(targets);
    const mended = options.fix === true && jobsTarget ? await mendAll(found, jobsTarget, { watchMs }) : found;
    return mended.toSorted((a, b) => rank(a) - rank(b));
  };
}

const rank = ({ severity }: Finding) => (severity === "error" ? 0 : 1);

async function examineAll(targets: readonly Target[]): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const reached: Target[] = [];
  for (const target of targets) {
    const unreachable = await checkReach(target);
    found.push(...unreachable);
    if (unreachable.length === 0) reached.push(target);
  }
  const [first, second] = reached;
  const shared = first && second && (await whatIsShared(first.db, second.db));
  for (const target of reached) {
    const isKnown = target.name === "outbox" && shared === "database";
    found.push(...(await examine(target, isKnown ? outboxOnlyChecks : checksOf[target.name])));
  }
  return first && second && shared === undefined ? [...found, ...(await examineTogether(first, second))] : found;
}

async function examine(target: Target, { always, migrated }: Checks): Promise<readonly Finding[]> {
  const rights = await runCheck({ what: "rights", find: checkRights }, target);
  const schema = await runCheck({ what: "the tables' versions", find: checkSchema }, target);
  const server = await runChecks(always, target);
  // A standby has neither the rows of unlogged tables nor the locks of workers.
  const isStandby = server.some(({ code }) => code === "SERVER_IS_STANDBY");
  const isMigrated = schema.every(({ code }) => code === "SCHEMA_NEWER");
  const content = isMigrated && !isStandby ? await runChecks(migrated, target) : [];
  const found = [...rights, ...schema, ...server, ...content];
  // Whatever else a missing right has kept from answering is told once.
  return rights.some(({ code }) => code === "RIGHTS_MISSING") ? found.filter((each) => !isRefused(each)) : found;
}

const isRefused = ({ code, what }: Finding) => code === "CHECK_FAILED" && what.includes("42501");

function examineTogether(jobs: Target, outbox: Target): Promise<readonly Finding[]> {
  const check: Check = { what: "the clocks of both databases", find: (target) => compareClocks(target, outbox) };
  return runCheck(check, jobs);
}
