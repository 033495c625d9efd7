import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { majorVersion } from "../src/process-global.ts";

const execute = promisify(execFile);
const require = createRequire(import.meta.url);
const packageFolder = join(import.meta.dirname, "..");
let consumer: string;

beforeAll(async () => {
  consumer = await mkdtemp(join(tmpdir(), "domain-events-consumer-"));
  await cp(join(import.meta.dirname, "consumer"), consumer, { recursive: true });
  await unpackInto(join(consumer, "node_modules", "@acme", "domain-events"));
}, 60_000);

afterAll(() => rm(consumer, { recursive: true, force: true }));

describe("the packed package", { timeout: 60_000 }, () => {
  it.each(["typescript", "typescript7"])(
    "has types that an application in ESM and CJS can rely on: %s",
    async (name) => {
      await link("knex", "pg", "zod", "vitest", "typed-emitter", "@types/pg", "@types/node");
      await writeTsconfig(["knex-on-default-bus.mts", "pg-on-own-bus.cts"]);

      expect(await compile(name)).toBe("");
    },
  );

  it("has types that need no driver where none is used", async () => {
    await rm(join(consumer, "node_modules", "knex"), { force: true });
    await rm(join(consumer, "node_modules", "@types", "pg"), { force: true });
    await link("typed-emitter", "@types/node");
    await writeTsconfig(["without-drivers.mts"]);

    expect(await compile("typescript")).toBe("");
  });

  it("is one and the same when both builds are in one process", async () => {
    expect(await run("both-builds.mjs")).toBe("both builds share one bus\n");
  });

  it("loads each entry without a driver", async () => {
    expect(await run("entries.cjs")).toBe("all entries load\n");
  });

  it("shares its state by its major version", async () => {
    const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as { version: string };

    expect(version.split(".")[0]).toBe(String(majorVersion));
  });

  it("contains what is built, and nothing else", async () => {
    const files = await readdir(join(consumer, "node_modules", "@acme", "domain-events"));

    expect(files.toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
  });
});

async function unpackInto(target: string): Promise<void> {
  const packed = await execute("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", consumer], {
    cwd: packageFolder,
  });
  const tarball = /[\w.-]+\.tgz/.exec(packed.stdout)?.[0] ?? "";
  await mkdir(target, { recursive: true });
  await execute("tar", ["-xzf", join(consumer, tarball), "-C", target, "--strip-components=1"]);
}

async function link(...names: string[]): Promise<void> {
  for (const name of names) {
    const target = join(consumer, "node_modules", name);
    await mkdir(join(target, ".."), { recursive: true });
    const source = join(folderOf(name));
    await symlink(source, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** Where the workspace has a package, whether hoisted or not. */
function folderOf(name: string): string {
  const found = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name));
  const existing = found.find((folder) => require("node:fs").existsSync(folder) as boolean);
  if (existing === undefined) throw new Error(`${name} is not installed.`);
  return existing;
}

async function writeTsconfig(files: string[]): Promise<void> {
  const compilerOptions = {
    target: "ES2023",
    lib: ["ES2023", "ESNext.Disposable"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ["node"],
  };
  await writeFile(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
}

/** The compiler's complaints. */
async function compile(typescript: string): Promise<string> {
  const compiler = join(folderOf(typescript), "bin", "tsc");
  const compiling = execute(process.execPath, [compiler, "-p", consumer], { cwd: consumer });
  return compiling.then(({ stdout }) => stdout).catch((failed: { stdout: string }) => failed.stdout);
}

async function run(file: string): Promise<string> {
  const { stdout } = await execute(process.execPath, ["--unhandled-rejections=strict", file], { cwd: consumer });
  return stdout;
}
