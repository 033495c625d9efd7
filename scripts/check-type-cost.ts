// Counts what TypeScript instantiates for an application with many events, tasks and handlers. The count depends on the types and
// the compiler alone, so it is the same on each machine.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { createCompiler, strictOptions } from "./docs/compiler.ts";
import { root } from "./docs/repository.ts";

/** For one event, one task, and two handlers. Raised on purpose, in the commit that needs it. */
const budget = 1_300;
/** By how much one of many may cost more than one of few. */
const growth = 1.1;

// Below the repository, where the packages are found.
const folder = join(root, "node_modules/.cache/type-cost");
mkdirSync(folder, { recursive: true });
const compile = createCompiler(strictOptions());

const [none, few, many] = [0, 20, 80].map(countFor) as [number, number, number];
const ofFew = (few - none) / 20;
const ofMany = (many - few) / 60;
console.log(`${Math.round(ofFew)} instantiations for each of 20, ${Math.round(ofMany)} for each of 60 more.`);
const problems = [
  ...(ofFew > budget ? [`That is more than the budget of ${budget}.`] : []),
  ...(ofMany > growth * ofFew ? ["The cost grows with the number of events and tasks."] : []),
];
for (const problem of problems) console.log(problem);
console.log(`${2 - problems.length} passed, ${problems.length} failed`);
if (problems.length > 0) process.exitCode = 1;

function countFor(count: number): number {
  const file = join(folder, `application-${count}.ts`);
  writeFileSync(file, applicationWith(count));
  const program = compile([file]);
  const [found] = ts.getPreEmitDiagnostics(program);
  if (found !== undefined) throw new Error(ts.flattenDiagnosticMessageText(found.messageText, "\n"));
  return program.getInstantiationCount();
}

function applicationWith(count: number): string {
  const each = Array.from(
    { length: count },
    (_, n) => `
class Placed${n} extends defineEvent("placed${n}", z.object({ orderId: z.string(), total: z.number() })) {}
const charge${n} = defineTask("charge${n}", { payload: z.object({ orderId: z.string() }), retry: retry.network });
bus.register(Placed${n}, ({ orderId, total }) => void [orderId, total]);
bus.register(Placed${n}, jobs.durable(charge${n}, ({ orderId }) => ({ orderId })));
tasks.push(perform(charge${n}, async ({ orderId }, { signal }) => void [orderId, signal]));
export const place${n} = (total: number) =>
  unitOfWork.run(async ({ record, tx }) => {
    record(new Placed${n}({ orderId: "o", total }));
    await jobs.enqueue(charge${n}, { orderId: "o" }, { tx });
  });`,
  );
  return `
import { createEventBus, createUnitOfWork, defineEvent } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs, defineTask, perform, retry, type PerformableTask } from "@acme/jobs";
import { Pool, type PoolClient } from "pg";
import { z } from "zod";
const bus = createEventBus<PoolClient>();
const jobs = createJobs({ connection: "" });
const unitOfWork = createUnitOfWork(pgTransactions(new Pool()), { bus });
export const tasks: PerformableTask[] = [];
export const used = [defineEvent, defineTask, perform, retry, z, jobs, unitOfWork];
${each.join("\n")}`;
}
