import type { Finding } from "../../doctor/finding.ts";
import { style } from "../output/output.ts";
import { printable } from "../output/printable.ts";

/** Findings as text, what needs a person first, each with the command that mends it. */
export function renderFindings(findings: readonly Finding[], { withWhy }: { readonly withWhy: boolean }): string {
  const urgent = findings.filter(({ severity }) => severity === "error");
  const others = findings.filter(({ severity }) => severity !== "error");
  return [...urgent, ...others].map((finding) => renderFinding(finding, withWhy)).join("\n");
}

function renderFinding({ severity, what, why, mend, command }: Finding, withWhy: boolean): string {
  const sign = severity === "error" ? style("red", "✖") : style("yellow", "▲");
  return [
    `${sign} ${style("bold", printable(what))}`,
    ...(withWhy ? [`    ${printable(why)}`] : []),
    `    ${printable(mend)}`,
    ...(command === undefined ? [] : [`    → ${style("cyan", printable(command))}`]),
  ].join("\n");
}
