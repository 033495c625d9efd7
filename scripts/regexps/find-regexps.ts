import ts from "typescript";

/** A regular expression in a source. */
export interface FoundRegexp {
  readonly line: number;
  /** `undefined` where it is made of what only the running program knows. */
  readonly regexp: RegExp | undefined;
  /** What a `// Backtracking: …` comment above says. */
  readonly excuse: string | undefined;
}

/** Literals, and what `RegExp()` gets where that is made of constants of the same file. */
export function findRegexps(file: string, text: string): FoundRegexp[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lines = text.split("\n");
  const constants = constantsOf(source);
  const found: FoundRegexp[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node) || makesRegexp(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const excuse = /\/\/ Backtracking: (.+)/.exec(lines[line - 2] ?? "")?.[1];
      found.push({ line, regexp: regexpOf(node, constants), excuse });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

type MakingOfRegexp = ts.NewExpression | ts.CallExpression;

function makesRegexp(node: ts.Node): node is MakingOfRegexp {
  return (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "RegExp";
}

function regexpOf(
  node: ts.RegularExpressionLiteral | MakingOfRegexp,
  constants: ReadonlyMap<string, ts.Expression>,
): RegExp | undefined {
  if (ts.isRegularExpressionLiteral(node)) {
    const end = node.text.lastIndexOf("/");
    return new RegExp(node.text.slice(1, end), node.text.slice(end + 1));
  }
  const [pattern, flags] = (node.arguments ?? []).map((argument) => textOf(argument, constants));
  return pattern === undefined ? undefined : new RegExp(pattern, flags);
}

function constantsOf(source: ts.SourceFile): Map<string, ts.Expression> {
  const constants = new Map<string, ts.Expression>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer && isConst(node)) {
      constants.set(node.name.text, node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return constants;
}

function isConst(node: ts.VariableDeclaration): boolean {
  return (ts.getCombinedNodeFlags(node) & ts.NodeFlags.Const) !== 0;
}

/** The value of an expression made of literals, `String.raw`, constants and `+`. */
function textOf(node: ts.Expression, constants: ReadonlyMap<string, ts.Expression>): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isIdentifier(node)) {
    const value = constants.get(node.text);
    return value && textOf(value, constants);
  }
  if (ts.isTemplateExpression(node)) return templateText(node, constants, false);
  if (ts.isTaggedTemplateExpression(node) && node.tag.getText() === "String.raw") {
    if (ts.isTemplateExpression(node.template)) return templateText(node.template, constants, true);
    return node.template.rawText ?? node.template.text;
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return join([textOf(node.left, constants), textOf(node.right, constants)]);
  }
  return undefined;
}

function templateText(
  { head, templateSpans }: ts.TemplateExpression,
  constants: ReadonlyMap<string, ts.Expression>,
  isRaw: boolean,
): string | undefined {
  const written = (part: ts.TemplateLiteralLikeNode): string => (isRaw ? part.rawText : undefined) ?? part.text;
  const spans = templateSpans.flatMap(({ expression, literal }) => [textOf(expression, constants), written(literal)]);
  return join([written(head), ...spans]);
}

function join(parts: readonly (string | undefined)[]): string | undefined {
  return parts.every((part) => part !== undefined) ? parts.join("") : undefined;
}
