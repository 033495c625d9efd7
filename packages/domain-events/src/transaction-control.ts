import { statementsIn } from "./sql-statements.ts";

/** A statement that changes where a transaction, or a savepoint in it, begins or ends. */
export type TransactionControl =
  { readonly kind: "end" } | { readonly kind: "savepoint" | "rollback to" | "release"; readonly name: string };

const identifier = String.raw`("(?:[^"]|"")+"|[^\s;"]+)`;
const savepoint = new RegExp(String.raw`^savepoint\s+${identifier}`, "i");
const rollbackTo = new RegExp(
  String.raw`^rollback\s+(?:work\s+|transaction\s+)?to\s+(?:savepoint\s+)?${identifier}`,
  "i",
);
const release = new RegExp(String.raw`^release\s+(?:savepoint\s+)?${identifier}`, "i");
const ends = /^(?:begin|start\s+transaction|commit|end|abort|rollback|prepare\s+transaction)\b/i;
/** Most statements begin with none of them, and then there is no need to look further. */
const mayControl = /^(?:begin|start|commit|end|abort|rollback|prepare|savepoint|release)\b/i;

/** What of an SQL text controls the transaction, in order. */
export function transactionControlIn(text: string): TransactionControl[] {
  const found: TransactionControl[] = [];
  for (const statement of statementsIn(text)) {
    if (!mayControl.test(statement)) continue;
    const control = readControl(statement);
    if (control) found.push(control);
  }
  return found;
}

function readControl(statement: string): TransactionControl | undefined {
  const [kind, name] =
    named("savepoint", savepoint, statement) ??
    named("rollback to", rollbackTo, statement) ??
    named("release", release, statement) ??
    [];
  if (kind !== undefined && name !== undefined) return { kind, name };
  return ends.test(statement) ? { kind: "end" } : undefined;
}

type Named = Exclude<TransactionControl["kind"], "end">;

function named(kind: Named, pattern: RegExp, statement: string): [Named, string] | undefined {
  const name = pattern.exec(statement)?.[1];
  return name === undefined ? undefined : [kind, normalize(name)];
}

/** As the server does: a name is lower case, unless it is quoted. */
function normalize(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}
