// Does what docs/tutorial.md says, to the letter, in an empty folder: packed packages in place of those from npm, and PostgreSQL from npm.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { startServer } from "@acme/test-postgres/server";
import { fencesOf } from "./docs/markdown.ts";
import { filesMatching, root } from "./docs/repository.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "tutorial-"));
const shop = join(folder, "shop");
await using server = await startServer();
const env = { ...process.env, DATABASE_URL: server.url("postgres"), CI: "true", NO_COLOR: "1" };

try {
  const tarballs = await packAll();
  for (const { info, code, line } of fencesOf("docs/tutorial.md")) {
    if (info === "ts") writeIn(/^\/\/ (.+)\n/.exec(code)?.[1] ?? "", code);
    else if (info === "json") writeIn("tsconfig.json", code);
    else if (info === "sh" && !code.startsWith("docker ")) await runShell(withTarballs(code, tarballs), line);
  }
  console.log("The tutorial works.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function packAll(): Promise<ReadonlyMap<string, string>> {
  const packed = filesMatching("packages/*/package.json").map(async (file) => {
    const args = ["pack", "--json", "--pack-destination", folder];
    const { stdout } = await run("npm", args, { cwd: join(root, dirname(file)) });
    const [{ name, filename }] = JSON.parse(stdout) as [{ name: string; filename: string }];
    return [name, join(folder, filename)] as const;
  });
  return new Map(await Promise.all(packed));
}

function withTarballs(code: string, tarballs: ReadonlyMap<string, string>): string {
  return [...tarballs].reduce((text, [name, file]) => text.replaceAll(`${name} `, `${file} `), code);
}

function writeIn(file: string, code: string): void {
  if (file === "") throw new Error("A ts block of the tutorial begins with the name of its file.");
  mkdirSync(dirname(join(shop, file)), { recursive: true });
  writeFileSync(join(shop, file), `${code}\n`);
}

/** A worker is stopped as the reader stops it, as soon as it has run a job. */
async function runShell(code: string, line: number): Promise<void> {
  console.log(`--- line ${line}\n${code}`);
  const isWorker = code.includes("worker.ts");
  // Its own group, so that the signal reaches what the shell has started.
  const child = spawn("bash", ["-ec", code], { cwd: line < firstLineInside() ? folder : shop, env, detached: true });
  const stopAt = (text: Buffer) => {
    process.stdout.write(text);
    if (isWorker && text.includes("receipt for") && child.pid) process.kill(-child.pid, "SIGINT");
  };
  child.stdout.on("data", stopAt);
  child.stderr.on("data", stopAt);
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (exitCode !== 0) throw new Error(`docs/tutorial.md:${line} ended with ${exitCode}.`);
}

/** Before the first file there is no folder of the project. */
function firstLineInside(): number {
  return fencesOf("docs/tutorial.md").find(({ info }) => info === "json")?.line ?? 0;
}
