import { skipSpace, statementsIn } from "./sql-statements.ts";

/** A statement about a savepoint. */
export interface SavepointControl {
  readonly kind: "savepoint" | "rollback to" | "release";
  readonly name: string;
}

/** A statement that changes where a transaction, or a savepoint in it, begins or ends; or `PREPARE`, which may. */
export type TransactionControl = { readonly kind: "end" | "prepare" } | SavepointControl;

/** Most statements begin with none of them, and then there is no need to look further. */
const mayControl = /^(?:begin|start|commit|end|abort|rollback|prepare|savepoint|release)\b/i;
const token = /"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|[^]/iy;
/** Those that every server folds: a Kelvin sign would become a "k" that is none there. */
const upperCase = /[A-Z]/g;
const doubtful = /['$\\\u0080-\uffff]/;
/** `rollback transaction to savepoint name`, and one more to see that nothing follows. */
const mostTokens = 6;
/** The server cuts longer names off. */
const longestNameBytes = 63;

/** What of an SQL text controls the transaction, in order. */
export function transactionControlIn(text: string): TransactionControl[] {
  const found: TransactionControl[] = [];
  for (const statement of statementsIn(text)) {
    if (!mayControl.test(statement)) continue;
    const control = readControl(tokensOf(statement));
    if (control) found.push(control);
  }
  // Where one part of the text may be read in two ways, so may be what stands behind it.
  if (found.some((control) => "name" in control) && isDoubtful(text)) return [{ kind: "end" }];
  return found;
}

/** Strings, dollars and letters beyond ASCII, outside of comments and quoted names: what ends them depends on settings and encodings. */
function isDoubtful(text: string): boolean {
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at + 1)) {
    if (doubtful.test(text[at] ?? "")) return true;
    if (text[at] === '"') at = Math.max(at, text.indexOf('"', at + 1));
  }
  return false;
}

function tokensOf(statement: string): string[] {
  const tokens: string[] = [];
  for (let at = skipSpace(statement, 0); at < statement.length && tokens.length < mostTokens;) {
    token.lastIndex = at;
    const [found = ""] = token.exec(statement) ?? [];
    tokens.push(found.startsWith('"') ? found : found.replaceAll(upperCase, (letter) => letter.toLowerCase()));
    at = skipSpace(statement, at + found.length);
  }
  return tokens;
}

function readControl([verb, ...rest]: readonly string[]): TransactionControl | undefined {
  switch (verb) {
    case "savepoint":
      return named("savepoint", rest);
    case "release":
      return named("release", without("savepoint", rest));
    case "rollback": {
      const [to, ...target] = without("work", without("transaction", rest));
      return to === "to" ? named("rollback to", without("savepoint", target)) : { kind: "end" };
    }
    case "start":
      return rest[0] === "transaction" ? { kind: "end" } : undefined;
    case "prepare":
      return { kind: rest[0] === "transaction" ? "end" : "prepare" };
    default:
      return { kind: "end" };
  }
}

function without(word: string, tokens: readonly string[]): readonly string[] {
  return tokens[0] === word ? tokens.slice(1) : tokens;
}

/** A name that cannot be told for sure counts as an end, which is refused: which events go with it would be a guess. */
function named(
  kind: "savepoint" | "rollback to" | "release",
  [name = "", ...rest]: readonly string[],
): TransactionControl {
  // Which letters beyond ASCII are the same in upper and lower case depends on the server's encoding.
  const isName = rest.length === 0 && (/^[a-z_][\w$]*$/.test(name) || name.startsWith('"'));
  const normalized = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
  if (!isName || Buffer.byteLength(normalized) > longestNameBytes) return { kind: "end" };
  return { kind, name: normalized };
}
