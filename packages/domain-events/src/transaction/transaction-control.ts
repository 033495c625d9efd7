import { skipSpace, statementsIn } from "./sql-statements.ts";

/** A statement about a savepoint. */
export interface SavepointControl {
  readonly kind: "savepoint" | "rollback to" | "release";
  readonly name: string;
}

/** A statement that begins or ends a transaction or a savepoint in it; or `PREPARE`, which may do so. */
export type TransactionControl = { readonly kind: "end" | "prepare" } | SavepointControl;

/** Most statements begin with none of these words, and need not be parsed. */
const mayControl = /^(?:begin|start|commit|end|abort|rollback|prepare|savepoint|release)\b/i;
const token = /"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|[^]/iy;
/**
 * Only the letters that every server folds: `toLowerCase()` would turn a Kelvin sign into a "k", but no server does.
 */
const upperCase = /[A-Z]/g;
const doubtful = /['$\\\u0080-\uffff]/;
/** `rollback transaction to savepoint name`, and one more token to see that nothing follows. */
const mostTokens = 6;
/** The server cuts longer names off. */
const longestNameBytes = 63;

/** The statements of an SQL text that control the transaction, in order. */
export function transactionControlIn(text: string): TransactionControl[] {
  const found: TransactionControl[] = [];
  for (const statement of statementsIn(text)) {
    if (!mayControl.test(statement)) continue;
    const control = readControl(tokensOf(statement));
    if (control) found.push(control);
  }
  // If one part of the text can be read in two ways, so can everything behind it.
  if (found.some((control) => "name" in control) && isDoubtful(text)) return [{ kind: "end" }];
  return found;
}

/**
 * Whether the text has strings, dollars or letters beyond ASCII outside of comments and quoted names. Where these end
 * depends on settings and encodings.
 */
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

/**
 * A name that cannot be read with certainty counts as the end of the transaction, which is refused. Otherwise it would
 * be a guess which events belong to the savepoint.
 */
function named(
  kind: "savepoint" | "rollback to" | "release",
  [name = "", ...rest]: readonly string[],
): TransactionControl {
  // It depends on the server's encoding which letters beyond ASCII it folds to lower case.
  const isName = rest.length === 0 && (/^[a-z_][\w$]*$/.test(name) || name.startsWith('"'));
  const normalized = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
  if (!isName || Buffer.byteLength(normalized) > longestNameBytes) return { kind: "end" };
  return { kind, name: normalized };
}
