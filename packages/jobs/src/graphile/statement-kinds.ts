import type { QueryConfig } from "pg";
import { JobsError } from "../errors.ts";

/** The purpose of a statement that a pool of Graphile Worker sends. */
export type StatementKind = "fetch" | "name tasks" | "free old locks" | "complete" | "fail" | "return";

interface Known {
  readonly kind: StatementKind;
  /** The parts of the text that this package relies on or changes: the places of ids, owners and conditions. */
  readonly parts: readonly string[];
}

const failing: Known = {
  kind: "fail",
  parts: ["json_array_elements($2::json)", "(el->>'jobId')::bigint and locked_by = $1::text"],
};
const returning: Known = {
  kind: "return",
  parts: ["where id = ANY($2::bigint[])\nand locked_by = $1::text", "attempts = GREATEST(0, attempts - 1)"],
};

/** The statements of Graphile Worker 0.18, by the first part of their names. See decision 24. */
const contract: ReadonlyMap<string, Known> = new Map([
  [
    "get_job",
    {
      kind: "fetch",
      parts: ["task_id = any($2::int[])", "attempts = jobs.attempts + 1", "locked_by = $1::text", "returning *"],
    },
  ],
  ["complete_job", { kind: "complete", parts: ["where id = $1::bigint"] }],
  ["complete_jobs", { kind: "complete", parts: ["unnest($1::bigint[]) n(n)\nwhere id = n"] }],
  [
    "complete_job_q",
    { kind: "complete", parts: ["unnest($1::bigint[]) n(n)\nwhere id = n", "job_queues.locked_by = $2::text"] },
  ],
  ["fail_job", failing],
  ["fail_job_q", failing],
  ["fail_jobs", { kind: "fail", parts: ["where id = any($1::bigint[]) and locked_by = $3::text"] }],
  ["return_job", returning],
  ["return_job_q", returning],
  ["clear_stale_locks", { kind: "free old locks", parts: ["where locked_at < now() - interval '4 hours'"] }],
]);

const kinds = new Map<string, StatementKind>();

/**
 * The purpose of a statement.
 *
 * @throws {@link JobsError} `GRAPHILE_WORKER_UNKNOWN` for a statement that differs from the version of Graphile Worker
 * that this package was
 * written for. Without the guards of this package, it could complete the jobs of other workers.
 */
export function kindOf({ name, text, values }: QueryConfig): StatementKind {
  // The only statement without a name reads the ids of the tasks.
  if (name === undefined && text.includes("_private_tasks as tasks")) return "name tasks";
  const seen = kinds.get(name ?? "");
  if (seen !== undefined) return seen;
  const known = name === undefined ? undefined : knownBy(name);
  if (name === undefined || !known?.parts.every((part) => text.includes(part))) throw unknown(name, values);
  kinds.set(name, known.kind);
  return known.kind;
}

function knownBy(name: string): Known | undefined {
  const [first = ""] = name.split("/", 1);
  const size = /^get_job(\d+)$/.exec(first)?.[1];
  if (size === undefined) return contract.get(first);
  const known = contract.get("get_job");
  return known && { kind: known.kind, parts: [...known.parts, `limit ${size}\n`] };
}

function unknown(name: string | undefined, values: readonly unknown[] | undefined): JobsError {
  return new JobsError(
    "GRAPHILE_WORKER_UNKNOWN",
    `Graphile Worker has sent a statement that @acme/jobs does not know (${name ?? "without a name"}, ${values?.length ?? 0} values), so its version is ` +
      "not the one that @acme/jobs depends on. Remove what overrides that version, and install again.",
  );
}
