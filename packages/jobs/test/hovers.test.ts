import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const file = fileURLToPath(new URL("hovers.example.ts", import.meta.url));
const code = `
import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs, defineTask, retry, type StandardSchema } from "@acme/jobs";
import { Pool, type PoolClient } from "pg";

declare module "@acme/domain-events" {
  interface DefaultBus { transaction: { readonly isOurs: true } }
}
class OrderPlaced extends defineEvent("order.placed", props<{ orderId: string }>()) {}
const bus = createEventBus<PoolClient>();
const pool = new Pool();
declare const payload: StandardSchema<{ orderId: string }>;
const sendReceipt = defineTask("send_receipt", { payload, retry: retry.network });
const jobs = createJobs({ connection: pool });

bus.register(OrderPlaced, (afterwards) => void afterwards.orderId);
bus.register(OrderPlaced, jobs.durable(sendReceipt, (asJob) => ({ orderId: asJob.orderId })));
createUnitOfWork(pgTransactions(pool), { bus });
`;

const service = createService();

/** What an editor shows at the first place where this stands. */
function hover(text: string): { shown: string; prose: string } {
  const info = service.getQuickInfoAtPosition(file, code.indexOf(text));
  return {
    shown: ts.displayPartsToString(info?.displayParts),
    prose: ts.displayPartsToString(info?.documentation),
  };
}

describe("what an editor shows", () => {
  it("of an example is the truth, which compiles", () => {
    expect(service.getSemanticDiagnostics(file).map(({ messageText }) => messageText)).toEqual([]);
  });

  it.each(["afterwards", "asJob"])("of the event of a handler is its class: %s", (name) => {
    expect(hover(`${name})`).shown).toBe(`(parameter) ${name}: OrderPlaced`);
  });

  it("of retry and of a preset is a name, with a word on what it does", () => {
    expect(hover("retry.network").shown).toContain("const retry: RetryPolicies\n");
    expect(hover("network }")).toEqual({
      shown: "(property) RetryPolicies.network: RetryPolicy",
      prose: expect.stringContaining("5 attempts"),
    });
  });

  it("of a unit of work on a bus of its own are options with a name", () => {
    expect(hover("createUnitOfWork(pg").shown).toContain("options: UnitOfWorkOptionsWithBus<NoInfer<PoolClient>>)");
  });
});

/** TypeScript as an editor runs it, over this one file. */
function createService(): ts.LanguageService {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const isExample = (name: string) => name === file;
  return ts.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot(name) {
      const text = isExample(name) ? code : ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    fileExists: (name) => isExample(name) || ts.sys.fileExists(name),
    readFile: (name) => (isExample(name) ? code : ts.sys.readFile(name)),
    getCurrentDirectory: ts.sys.getCurrentDirectory,
    getCompilationSettings: () => options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  });
}
