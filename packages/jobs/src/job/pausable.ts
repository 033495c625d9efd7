import { checkNames } from "../check-options.ts";
import { checkText, invalid } from "../check-values.ts";

/** What can be paused: all jobs of a task, all jobs of a named queue, or everything. */
export type Pausable = "everything" | { readonly task: string } | { readonly queue: string };

/** The row of a pause is found by it. */
export interface PauseKey {
  readonly kind: "everything" | "task" | "queue";
  readonly name: string;
}

/** @throws {@link JobsError} `OPTIONS_INVALID` */
export function toPauseKey(what: Pausable): PauseKey {
  if (what === "everything") return { kind: what, name: "" };
  if (typeof what !== "object" || what === null || Object.keys(what).length !== 1) throw unclear();
  checkNames(what, { what: "pause() or resume()", known: ["task", "queue"] });
  const [kind, name] = "task" in what ? (["task", what.task] as const) : (["queue", what.queue] as const);
  if (name === undefined) throw unclear();
  checkText(kind, name);
  return { kind, name };
}

export function toPausable({ kind, name }: PauseKey): Pausable {
  if (kind === "everything") return kind;
  return kind === "task" ? { task: name } : { queue: name };
}

function unclear() {
  return invalid('Say what: { task: "…" }, { queue: "…" } or "everything".');
}
