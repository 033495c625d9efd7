import { assert, constantFrom, array, property } from "fast-check";
import { expect, it } from "vitest";
import { statementsIn } from "../../src/transaction/sql-statements.ts";
import { transactionControlIn } from "../../src/transaction/transaction-control.ts";

it.each([
  ["select 1", ["select 1"]],
  [" ;; select 1 ; -- ;\n select 2;", ["select 1 ", "select 2"]],
  ["select ';' ; select \"a;b\"", ["select ';' ", 'select "a;b"']],
  ["select 'it''s;' ; commit", ["select 'it''s;' ", "commit"]],
  ["select e'\\';' ; commit", ["select e'\\';' ", "commit"]],
  ["select $$;$$; do $x$ begin; $$ end $x$; commit", ["select $$;$$", "do $x$ begin; $$ end $x$", "commit"]],
  ["/* a; /* b; */ c; */ commit", ["commit"]],
  ["select $1; commit", ["select $1", "commit"]],
  ["select a$b; commit", ["select a$b", "commit"]],
  ["select '; commit", ["select '; commit"]],
  ["/* ; commit", []],
  [
    "create function f() returns int begin atomic select 1; end; commit",
    ["create function f() returns int begin atomic select 1; end; commit"],
  ],
])("finds the statements of %s", (text, statements) => {
  expect(statementsIn(text)).toEqual(statements);
});

it("looks at each character of a text about once", () => {
  for (const part of ["/* ==== */\n", "/*", "--\n", "'a' ", "$a$ ", "e'\\\\' ", ";", '"', "$"]) {
    const startedAt = performance.now();
    statementsIn(`${part.repeat(20_000)}; select 1`);
    // The expression that this replaces took hours for forty of them.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  }
});

it("finds control at the start of a statement, and nowhere else", () => {
  const harmless = [
    "select 'commit'",
    "/* commit */ select 1",
    "select $$ ; commit $$",
    "-- ; commit\nselect 1",
    'select 1 as "; end"',
  ];
  const part = constantFrom(...harmless, "commit", "ROLLBACK", "begin", "end");
  assert(
    property(array(part, { maxLength: 8 }), (parts) => {
      const expected = parts.filter((text) => !harmless.includes(text));
      expect(transactionControlIn(parts.join(";"))).toEqual(expected.map(() => ({ kind: "end" })));
    }),
  );
});

it.each([
  ["savepoint a", "savepoint", "a"],
  ["SAVEPOINT/**/A /*traceparent='00-1'*/", "savepoint", "a"],
  ['savepoint"A"', "savepoint", "A"],
  ['rollback to"a""b"', "rollback to", 'a"b'],
  ["rollback work to savepoint a -- back", "rollback to", "a"],
  ["rollback /* x */ transaction to a", "rollback to", "a"],
  ["release savepoint a", "release", "a"],
  ["release a", "release", "a"],
])("reads %s", (text, kind, name) => {
  expect(transactionControlIn(text)).toEqual([{ kind, name }]);
});

it.each([
  'savepoint U&"\\0061"',
  `savepoint ${"a".repeat(64)}`,
  "savepoint a b",
  "rollback",
  "rollback prepared 'a'",
  "start transaction",
  "prepare transaction 'a'",
  "select 'a'; savepoint b",
  "savepoint a; select $$b$$",
])("takes %s for an end, which is refused", (text) => {
  expect(transactionControlIn(text)).toEqual([{ kind: "end" }]);
});

it("tells a prepared statement, which may be of a transaction, by its name", () => {
  expect(transactionControlIn("prepare a as select 'b'")).toEqual([{ kind: "prepare" }]);
});

it.each(["select 1 as savepoint", "endpoint", "start_of_text"])("finds no control in %s", (text) => {
  expect(transactionControlIn(text)).toEqual([]);
});
