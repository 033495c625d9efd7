import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { menders, type MendOptions } from "./mend.ts";
import { codeOf } from "./reach.ts";

/** Mends what can be mended, looks again, and says what became of it. */
export async function mendAll(
  found: readonly Finding[],
  jobs: Target,
  options: MendOptions,
): Promise<readonly Finding[]> {
  const result: Finding[] = [];
  for (const each of found) result.push(...(each.isFixable ? await mend(each, jobs, options) : [each]));
  return result;
}

async function mend(found: Finding, jobs: Target, options: MendOptions): Promise<readonly Finding[]> {
  const mender = menders.get(found.code);
  if (mender === undefined) return [found];
  try {
    const mendedCount = await mender.run(jobs, options);
    const left = (await mender.find(jobs)).filter(({ code }) => code === found.code);
    if (left.length > 0) return left;
    // It has passed by itself meanwhile.
    return mendedCount === 0 ? [] : [mended(found)];
  } catch (error) {
    return [found, failed(found, codeOf(error))];
  }
}

/** Without the command: nothing is left to do. */
function mended({ code, what, why }: Finding): Finding {
  const now = { what: `${what} Mended.`, why, mend: "Nothing: it is mended." };
  return { code, severity: "warning", ...now, isFixable: true, isMended: true };
}

function failed({ code: of }: Finding, code: string): Finding {
  return finding({
    code: "FIX_FAILED",
    severity: "warning",
    what: `${of} could not be mended (${code}).`,
    why: "Nothing was changed, or a part of it was mended.",
    mend: code === "42501" ? "Run it with a role that may act: docs/guides/roles.md." : "Try again.",
    command: "acme-jobs doctor --fix",
  });
}
