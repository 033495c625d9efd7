import { type ChildProcess, fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProxy } from "@acme/test-postgres/proxy";
import ts from "typescript";
import { read } from "../docs/repository.ts";
import type { Databases } from "../packages/databases.ts";
import { withoutTypes } from "../packages/readme.ts";
import type { RunEnd } from "../packages/run.ts";

/** Runs one of the programs beside this file in a project, through a proxy that loses the answers to COMMITs as it asks. */
export async function tryPromises(project: string, program: string, databases: Databases): Promise<RunEnd> {
  const data = await databases.create();
  const jobs = await databases.create();
  await using proxy = await startProxy(data);
  const file = join(project, `${program}.mjs`);
  await writeFile(file, withoutTypes(read(`scripts/versions/${program}.ts`), ts.ModuleKind.ESNext));
  const env = { ...process.env, DATA_URL: data, JOBS_URL: jobs, PROXY_URL: proxy.url };
  const child = fork(file, [], { cwd: project, env, execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let open = 0;
  child.on("message", () => {
    open += 1;
    void proxy.dropCommitReply().then(() => (open -= 1));
    child.send("armed");
  });
  const { succeeded, output } = await untilEnd(child);
  return { succeeded: succeeded && open === 0, output: `${output}${open} answers to COMMIT were not lost.` };
}

const longestMs = 120_000;

function untilEnd(child: ChildProcess): Promise<RunEnd> {
  return new Promise((resolve) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    const timer = setTimeout(() => {
      output += `\nIt had not ended after ${longestMs} ms.`;
      child.kill("SIGKILL");
    }, longestMs);
    child.once("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ succeeded: exitCode === 0, output });
    });
  });
}
