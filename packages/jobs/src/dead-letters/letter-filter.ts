import type { ChangeOptions } from "../change-in-batches.ts";
import { checkNames, checkNumber, namesOf } from "../check-options.ts";
import { checkText, checkTime, invalid } from "../check-values.ts";
import type { SqlValues } from "../database/sql-values.ts";
import type { DeadLetterFilter } from "./dead-letter.ts";

const filterNames = namesOf<Required<DeadLetterFilter>>({ task: true, error: true, since: true, until: true });

/** @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkLetterFilter(filter: DeadLetterFilter, more: readonly string[] = []): void {
  const { task, error, since, until } = filter;
  checkNames(filter, { what: "A filter of dead letters", known: [...filterNames, ...more] });
  checkText("task", task);
  checkText("error", error);
  checkTime("since", since);
  checkTime("until", until);
}

/** For a change of many. @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkChange(filter: DeadLetterFilter, options: ChangeOptions): void {
  if (typeof filter !== "object" || filter === null) throw invalid("Say which dead letters: a filter, or {} for all.");
  checkLetterFilter(filter);
  checkNames(options, { what: "This change", known: ["signal", "onProgress"] satisfies (keyof ChangeOptions)[] });
}

/** The conditions of a filter, over the columns of the table. */
export function letterConditions({ task, error, since, until }: DeadLetterFilter, sql: SqlValues): string {
  const parts = ["true"];
  if (task !== undefined) parts.push(`task = ${sql.put(task, "text")}`);
  // Not LIKE, to which % and _ mean something.
  if (error !== undefined) parts.push(`strpos(lower(reason), lower(${sql.put(error, "text")})) > 0`);
  if (since) parts.push(`died_at >= ${sql.put(since.toISOString(), "timestamptz")}`);
  if (until) parts.push(`died_at < ${sql.put(until.toISOString(), "timestamptz")}`);
  return parts.join(" and ");
}

/** The longest age must fit an interval of PostgreSQL. */
const longestAgeMs = 100 * 365 * 86_400_000;

/** @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkAge(olderThanMs: number | undefined): void {
  checkNumber("olderThanMs", olderThanMs ?? NaN, [0, longestAgeMs]);
}

const cursorPattern = /^(\d{1,17})\/(.+)$/s;

/** The letters behind the cursor. @throws {@link JobsError} `OPTIONS_INVALID` for what is none. */
export function afterCursor(cursor: string | undefined, sql: SqlValues): string {
  if (cursor === undefined) return "true";
  const { micros, id } = readCursor(cursor);
  const diedAt = `(timestamptz 'epoch' + ${sql.put(micros, "bigint")} * interval '1 microsecond')`;
  // The first part is for the index, which does not know of the id.
  return `died_at <= ${diedAt} and (died_at < ${diedAt} or id > ${sql.put(id, "text")})`;
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for what is no cursor. */
export function readCursor(cursor: string) {
  checkText("after", cursor);
  const [, micros, id] = cursorPattern.exec(cursor) ?? [];
  if (micros === undefined) throw invalid(`"after" must be the "cursor" of a dead letter.`);
  return { micros, id };
}
