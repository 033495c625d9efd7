import { numbered, type PartStep, type Program, type Step } from "./program.ts";

/** One step a line. */
export function printProgram(program: Program): string {
  numbered(program);
  return [
    "",
    ...linesOf(program.steps),
    `the work ${program.end}; order ${program.order.join(",")}; what is not awaited may ${program.leftovers}`,
    "",
  ].join("\n");
}

function linesOf(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    if (step.kind === "together") {
      return step.branches.flatMap((branch, index) => block(`together, branch ${index + 1}`, branch));
    }
    if (step.kind === "unawaited") return block(`not awaited: ${titleOf(step.part)}`, step.part.body);
    if (step.kind === "own savepoint") return block(ownTitle(step), step.body);
    if ("body" in step) return block(titleOf(step), step.body);
    return [lineOf(step)];
  });
}

function block(title: string, body: readonly Step[]): string[] {
  return [`${title} {`, ...linesOf(body).map((line) => `  ${line}`), "}"];
}

function titleOf({ kind, throws, swallowed }: PartStep): string {
  return [kind, throws && "throws", swallowed && "swallowed"].filter(Boolean).join(", ");
}

function ownTitle({ name, end, recovers, goesOn }: Extract<Step, { kind: "own savepoint" }>): string {
  const traits = [recovers && "goes back on an error", goesOn && "goes on when it cannot be set"].filter(Boolean);
  return [`SAVEPOINT ${name}, at the end ${end}`, ...traits].join(", ");
}

function lineOf(step: Exclude<Step, { body: unknown } | { branches: unknown } | { part: unknown }>): string {
  switch (step.kind) {
    case "event":
      return `event ${step.n} by ${step.by}, row ${step.rowFirst ? "before" : "after"} it via ${step.via}`;
    case "control":
      return `${step.verb} ${step.name}`;
    case "late":
      return `late ${step.call} ${step.n}`;
    case "end":
      return `rollback by ${step.how}${step.swallowed ? ", swallowed" : ""}`;
    default:
      return `select 1/0${step.swallowed ? ", swallowed" : ""}`;
  }
}
