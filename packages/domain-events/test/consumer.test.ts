import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { preProcessFile } from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { majorVersion } from "../src/process-global.ts";

const execute = promisify(execFile);
const require = createRequire(import.meta.url);
const packageFolder = join(import.meta.dirname, "..");
let consumer: string;
let tarball: string;
let installed: string;

beforeAll(async () => {
  consumer = await mkdtemp(join(tmpdir(), "domain-events-consumer-"));
  await cp(join(import.meta.dirname, "consumer"), consumer, { recursive: true });
  tarball = await pack();
  installed = join(consumer, "node_modules", "@acme", "domain-events");
  await mkdir(installed, { recursive: true });
  await execute("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
}, 60_000);

afterAll(() => rm(consumer, { recursive: true, force: true }));

describe("the packed package", () => {
  it.each(["typescript", "typescript7"])(
    "has types that an application in ESM and CJS can rely on: %s",
    async (name) => {
      await linkOnly("knex", "pg", "zod", "vitest", "@types/pg", "@types/node");
      await writeTsconfig(["adapter-under-test.mts", "knex-on-default-bus.mts", "pg-on-own-bus.cts"]);

      expect(await compile(name)).toBe("");
    },
  );

  it("has types that need no driver where none is used", async () => {
    await linkOnly("@types/node");
    await writeTsconfig(["without-drivers.mts"]);

    expect(await compile("typescript")).toBe("");
  });

  it("has types for each entry where imports are resolved as Node 10 did", async () => {
    await linkOnly("knex", "pg", "@types/pg", "@types/node");
    await writeTsconfig(["node10.ts"], {
      module: "CommonJS",
      moduleResolution: "node10",
      ignoreDeprecations: "6.0",
      esModuleInterop: true,
    });

    expect(await compile("typescript")).toBe("");
  });

  it("has a lifecycle with the very interface of typed-emitter, in ESM and CJS", async () => {
    await linkOnly("typed-emitter", "@types/node");
    await writeTsconfig(["lifecycle.mts", "lifecycle.cts"]);

    expect(await compile("typescript")).toBe("");
  });

  it("has events that isolatedDeclarations takes, with a base that is annotated", async () => {
    await linkOnly("@types/node");
    await writeTsconfig(["isolated-declarations.mts"], { isolatedDeclarations: true, declaration: true });

    expect(await compile("typescript")).toBe("");
  });

  it("has types that import nothing", async () => {
    const dist = join(installed, "dist");
    const declarations = (await readdir(dist)).filter((name) => /\.d\.c?ts$/.test(name));
    const imports = await Promise.all(
      declarations.map(async (name) => preProcessFile(await readFile(join(dist, name), "utf8")).importedFiles),
    );
    const elsewhere = imports.flat().filter(({ fileName }) => !fileName.startsWith("./"));

    expect(declarations).toContain("index.d.cts");
    expect(elsewhere.map(({ fileName }) => fileName)).toEqual([]);
  });

  it("brings nothing with it when it is installed", async () => {
    expect(await installBeside()).toEqual([join("@acme", "domain-events")]);
  });

  it.each(["pg@8.0.3", "knex@3.0.1", "pg@8.999.0", "knex@3.999.0"])("can be installed beside %s", async (driver) => {
    await expect(installBeside(driver)).resolves.toContain(driver.split("@")[0]);
  });

  it.each(["pg@8.0.2", "knex@3.0.0", "pg@9.0.0", "knex@4.0.0"])(
    "is not installed beside %s, whose workings its adapters do not know",
    async (driver) => {
      await expect(installBeside(driver)).rejects.toThrow(/ERESOLVE/);
    },
  );

  it("is one and the same when both builds are in one process", async () => {
    expect(await run("both-builds.mjs")).toBe("both builds share one bus\n");
  });

  it("calls its errors by their names, whatever a bundler makes of them", async () => {
    expect(await run("error-names.mjs")).toBe("errors keep their names\n");
  });

  it("loads each entry without a driver", async () => {
    expect(await run("entries.cjs")).toBe("all entries load\n");
  });

  it("shares its state by its major version", async () => {
    const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as { version: string };

    expect(version.split(".")[0]).toBe(String(majorVersion));
  });

  it("contains what is built and the documents of its version, and nothing else", async () => {
    const files = await readdir(installed);

    expect(files.toSorted()).toEqual(["LICENSE", "README.md", "dist", "docs", "package.json"]);
    await expect(readdir(join(installed, "docs"))).resolves.toContain("errors.md");
  });
});

async function pack(): Promise<string> {
  const packed = await execute("npm", ["pack", "--json", "--pack-destination", consumer], {
    cwd: packageFolder,
  });
  return join(consumer, /[\w.-]+\.tgz/.exec(packed.stdout)?.[0] ?? "");
}

/** Installs the package with npm, in an application that has this driver in name only, and lists what is there then. */
async function installBeside(driver?: string): Promise<string[]> {
  const folder = await mkdtemp(join(consumer, "install-"));
  const [name, version] = driver?.split("@") ?? [];
  const dependencies = { "@acme/domain-events": `file:${tarball}`, ...(name && { [name]: "file:driver" }) };
  await mkdir(join(folder, "driver"));
  await writeFile(join(folder, "driver", "package.json"), JSON.stringify({ name, version }));
  await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies }));

  await execute("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    shell: process.platform === "win32",
  });
  const { packages } = JSON.parse(await readFile(join(folder, "package-lock.json"), "utf8")) as { packages: object };
  const modules = Object.keys(packages).filter((path) => path.startsWith("node_modules"));
  return modules.map((path) => relative("node_modules", path));
}

/** Gives the consumer these packages beside the one under test, and takes away what an earlier test had. */
async function linkOnly(...names: string[]): Promise<void> {
  const modules = join(consumer, "node_modules");
  for (const name of await readdir(modules)) {
    if (name !== "@acme") await rm(join(modules, name), { recursive: true });
  }
  for (const name of names) {
    const target = join(modules, name);
    await mkdir(join(target, ".."), { recursive: true });
    await symlink(folderOf(name), target);
  }
}

/** Where the workspace has a package, whether hoisted or not. */
function folderOf(name: string): string {
  const found = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name));
  const existing = found.find((folder) => require("node:fs").existsSync(folder) as boolean);
  if (existing === undefined) throw new Error(`${name} is not installed.`);
  return existing;
}

async function writeTsconfig(files: string[], overrides: Record<string, unknown> = {}): Promise<void> {
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
    ...overrides,
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
