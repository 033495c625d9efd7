const word = /[a-z_][a-z0-9_$]*/iy;
const space = /\s+/y;
const lineEnd = /[\r\n]/g;
const dollarTag = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy;
const routine = /^create\s+(?:or\s+replace\s+)?(?:function|procedure)\b[^]*\bbegin\s+atomic\b/i;

/**
 * The statements of an SQL text, each from its first word on. It knows strings, quoted names, dollar quotes and
 * (nested) comments, as far as they hide a semicolon. It does not check whether a part is a valid statement. The time
 * is proportional to the length of the text.
 */
export function statementsIn(text: string): string[] {
  const statements: string[] = [];
  let from = skipSpace(text, 0);
  while (from < text.length) {
    const end = text.includes(";", from) ? endOfStatement(text, from) : text.length;
    // The body of an SQL routine has semicolons of its own.
    if (routine.test(text.slice(from, end))) return [...statements, text.slice(from)];
    statements.push(text.slice(from, end));
    from = skipSpace(text, end + 1);
  }
  return statements;
}

/** The position after blanks, comments and empty statements. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const blanks = matchAt(space, text, at);
    if (blanks) at += blanks.length;
    else if (text[at] === ";") at += 1;
    else if (text.startsWith("--", at)) at = endOfLine(text, at);
    else if (text.startsWith("/*", at)) at = endOfComment(text, at);
    else return at;
  }
}

function endOfStatement(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ";") at = endOfToken(text, at);
  return at;
}

function endOfToken(text: string, at: number): number {
  const first = text[at];
  if (first === "'") return endOfQuoted(text, at + 1, "'");
  if (first === '"') return endOfQuoted(text, at + 1, '"');
  if (text.startsWith("--", at)) return endOfLine(text, at);
  if (text.startsWith("/*", at)) return endOfComment(text, at);
  if (first === "$") return endOfDollarQuoted(text, at);
  const name = matchAt(word, text, at);
  if (name === undefined) return at + 1;
  const next = at + name.length;
  if (text[next] === "'" && name.toLowerCase() === "e") return endOfEscaped(text, next + 1);
  return next;
}

function endOfLine(text: string, at: number): number {
  lineEnd.lastIndex = at;
  return lineEnd.test(text) ? lineEnd.lastIndex : text.length;
}

/** Comments of PostgreSQL can be nested. */
function endOfComment(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const open = text.indexOf("/*", at);
    const close = text.indexOf("*/", at);
    if (close === -1) return text.length;
    const isOpening = open !== -1 && open < close;
    depth += isOpening ? 1 : -1;
    at = (isOpening ? open : close) + 2;
  } while (depth > 0);
  return at;
}

/** A doubled quote is read as the end of one quoted part and the beginning of the next, with the same result. */
function endOfQuoted(text: string, from: number, quote: string): number {
  const end = text.indexOf(quote, from);
  return end === -1 ? text.length : end + 1;
}

function endOfEscaped(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "'") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfDollarQuoted(text: string, at: number): number {
  const tag = matchAt(dollarTag, text, at);
  if (tag === undefined) return at + 1;
  const end = text.indexOf(tag, at + tag.length);
  return end === -1 ? text.length : end + tag.length;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
