import { titleOf, type Check, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { codeOf } from "./reach.ts";

const laneCount = 3;

/** Runs the checks, a few at a time, and returns what they find in their order. */
export async function runChecks(checks: readonly Check[], target: Target): Promise<readonly Finding[]> {
  const found: (readonly Finding[])[] = [];
  const waiting = checks.entries();
  const lane = async () => {
    for (const [place, check] of waiting) found[place] = await runCheck(check, target);
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
  return found.flat();
}

/** Runs one check. Never rejects. */
export async function runCheck({ what, find }: Check, target: Target): Promise<readonly Finding[]> {
  try {
    return await find(target);
  } catch (error) {
    return [failed(what, target, codeOf(error))];
  }
}

function failed(what: string, { name }: Target, code: string): Finding {
  return finding({
    code: "CHECK_FAILED",
    severity: "warning",
    what: `The check of ${what} in the ${titleOf(name)} did not succeed (${code}).`,
    why: "Whether something is wrong there is not known.",
    mend: "Ask again. If the answer takes too long, the server is overloaded or a lock is in the way (pg_stat_activity); for 42501, see docs/guides/roles.md.",
    command: "acme-jobs doctor",
  });
}
