import { nodeVersions } from "../packages/pins.ts";
import { postgresVersions } from "../versions/pins.ts";
import type { Permissions, Workflow } from "./workflow.ts";

/** What a job of a workflow may write; the others read. A new right is added here on purpose. */
const writes: Readonly<Record<string, readonly string[]>> = {
  version: ["contents", "pull-requests"],
  publish: ["contents", "id-token"],
};

export function workflowFindings(name: string, { on, permissions, jobs }: Workflow): string[] {
  const inJobs = Object.values(jobs).flatMap((job) => writtenIn(job.permissions));
  const allowed = writes[name] ?? [];
  const tooMuch = inJobs.filter((right) => !allowed.includes(right));
  return [
    ...("pull_request_target" in on ? ["pull_request_target gives the code of a stranger our secrets."] : []),
    ...(permissions === undefined ? ["says no permissions, so its jobs get those of the repository."] : []),
    ...writtenIn(permissions).map((right) => `gives every job the right to write ${right}.`),
    ...tooMuch.map((right) => `may write ${right}, which its purpose does not need.`),
    ...Object.values(jobs).flatMap((job) => matrixFindings(job.strategy?.matrix ?? {})),
  ];
}

function writtenIn(permissions: Permissions = {}): string[] {
  if (typeof permissions === "string") return permissions === "read-all" ? [] : ["everything"];
  return Object.entries(permissions).flatMap(([right, level]) => (level === "write" ? [right] : []));
}

/** A matrix that has fallen behind tests less than docs/releases.md says. */
function matrixFindings(matrix: Readonly<Record<string, readonly string[]>>): string[] {
  const lines = new Set(nodeVersions.map((version) => `Node ${version.split(".")[0]}`));
  const expected: Readonly<Record<string, readonly string[]>> = {
    runtime: [...lines, "Bun", "Deno"],
    postgres: Object.keys(postgresVersions),
  };
  return Object.entries(matrix).flatMap(([name, values]) => {
    const wanted = expected[name];
    if (wanted === undefined) return [`has a matrix of ${name}, which nothing says the versions of.`];
    return String(values) === String(wanted) ? [] : [`tries ${name} ${String(values)}, not ${String(wanted)}.`];
  });
}
