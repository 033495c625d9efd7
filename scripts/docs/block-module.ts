import ts from "typescript";

/** What a module of its own makes of a block, so that it can stand without imports. */
export interface BlockModule {
  /** The names it declares, and whether each is only a type. */
  readonly declared: ReadonlyMap<string, NameKind>;
  /** One line of imports, the code line by line, one line of exports. */
  text(importNames: (names: ReadonlySet<string>) => string): string;
  /** It changes the types of a package, for everything it is compiled with. */
  readonly isAugmenting: boolean;
}

export type NameKind = "type" | "value";

export function toBlockModule(code: string): BlockModule {
  const source = ts.createSourceFile("block.mts", code.replaceAll(/\{\s*…\s*\}/g, "{}"), ts.ScriptTarget.Latest, true);
  const declared = new Map<string, NameKind>();
  const imported = new Set<string>();
  const exported = new Set<string>();
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement) && !isRelativeImport(statement)) addImported(statement, imported);
    else declare(statement, declared, exported);
  }

  return {
    declared,
    isAugmenting: source.statements.some((statement) => ts.isModuleDeclaration(statement)),
    text(importNames) {
      const free = new Set([...identifiersIn(source)].filter((name) => !declared.has(name) && !imported.has(name)));
      const names = [...declared].filter(([name]) => !exported.has(name));
      const exports = names.map(([name, kind]) => (kind === "type" ? `type ${name}` : name)).join(", ");
      return `${importNames(free)}\n${withoutRelativeImports(source)}\nexport { ${exports} };\n`;
    },
  };
}

/** Such an import names a file that the reader has: its names are given to the block like all others. */
function isRelativeImport(node: ts.Node): node is ts.ImportDeclaration {
  return (
    ts.isImportDeclaration(node) &&
    ts.isStringLiteral(node.moduleSpecifier) &&
    node.moduleSpecifier.text.startsWith(".")
  );
}

function withoutRelativeImports(source: ts.SourceFile): string {
  return source.statements.filter(isRelativeImport).reduce((text, statement) => {
    const blank = statement.getText(source).replaceAll(/\S/g, " ");
    return text.slice(0, statement.getStart(source)) + blank + text.slice(statement.end);
  }, source.text);
}

function addImported({ importClause }: ts.ImportDeclaration, names: Set<string>): void {
  if (importClause?.name) names.add(importClause.name.text);
  const bindings = importClause?.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) names.add(bindings.name.text);
  if (bindings && ts.isNamedImports(bindings)) for (const { name } of bindings.elements) names.add(name.text);
}

function declare(statement: ts.Statement, declared: Map<string, NameKind>, exported: Set<string>): void {
  const names = namesOf(statement);
  const kind = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) ? "type" : "value";
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  const isExported = modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true;
  for (const name of names) {
    declared.set(name, kind);
    if (isExported) exported.add(name);
  }
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => namesIn(name));
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesIn(element.name) : []));
}

function identifiersIn(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}
