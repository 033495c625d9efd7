// The packages as a consumer gets them: packed, installed beside their dependencies, typed and run as ESM and as CJS.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { createTestDatabase } from "@acme/test-postgres";
import { afterAll, beforeAll, expect, it } from "vitest";

const run = promisify(execFile);
const packages = join(import.meta.dirname, "../..");
const modules = join(packages, "../node_modules");
const compiler = (name: string) =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin/tsc");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "consumer-"));
  await mkdir(join(folder, "node_modules/@acme"), { recursive: true });
  for (const name of ["domain-events", "jobs"]) await install(name);
  for (const name of await readdir(modules)) {
    if (name.startsWith(".") || name === "@acme") continue;
    await symlink(join(modules, name), join(folder, "node_modules", name), "junction");
  }
  const source = (load: string) => `${load}
class UserRegistered extends defineEvent("user.registered", props<{ userId: string }>()) {}
const task = defineTask("send", { payload: z.object({ userId: z.string(), n: z.number().default(1) }), retry: retry.network });
const jobs = createJobs({ connection: "postgres://127.0.0.1:1/none" });
register(UserRegistered, jobs.durable(task, (event) => ({ userId: event.userId })));
// @ts-expect-error no such property
register(UserRegistered, jobs.durable(task, (event) => ({ userId: event.nope })));
const performable = perform(task, async ({ userId, n }, { attempt }) => \`\${userId.trim()} \${n.toFixed(0)} \${attempt.toFixed(0)}\`);
// @ts-expect-error a payload of another shape
const wrong = () => jobs.enqueue(task, { user: 1 });
// @ts-expect-error numbers are no errors
retry.fixed({ attempts: 2, delayMs: 1, on: [5] });
void (async () => {
  const result = await performTask(performable, { userId: " ada " });
  console.log(JSON.stringify([result, typeof wrong, typeof drain, new JobsError("CLOSED", "x") instanceof Error]));
  await jobs.close();
})();
`;
  await writeFile(
    join(folder, "consumer.mts"),
    source(`import { defineEvent, props, register } from "@acme/domain-events";
import { createJobs, defineTask, JobsError, perform, retry } from "@acme/jobs";
import { drain, performTask } from "@acme/jobs/testing";
import { z } from "zod";`),
  );
  await writeFile(
    join(folder, "consumer.cts"),
    source(`import domainEvents = require("@acme/domain-events");
import acmeJobs = require("@acme/jobs");
import testing = require("@acme/jobs/testing");
import zod = require("zod");
const { defineEvent, props, register } = domainEvents;
const { createJobs, defineTask, JobsError, perform, retry } = acmeJobs;
const { drain, performTask } = testing;
const { z } = zod;`),
  );
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        target: "es2023",
        lib: ["es2023", "esnext.disposable"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        outDir: "out",
      },
      files: ["consumer.mts", "consumer.cts"],
    }),
  );
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function install(name: string): Promise<void> {
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: join(packages, name),
    shell: process.platform === "win32",
  });
  const target = join(folder, "node_modules/@acme", name);
  await mkdir(target);
  await run("tar", [
    "-xzf",
    join(folder, stdout.trim().split("\n").at(-1) ?? ""),
    "-C",
    target,
    "--strip-components=1",
  ]);
}

it.each(["typescript", "typescript7"])("compiles with every declaration checked by %s", async (name) => {
  const compiled = run(process.execPath, [compiler(name), "-p", folder]).catch((error: { stdout: string }) => error);

  expect((await compiled).stdout).toBe("");
});

it("has types that do not need @acme/domain-events if it is not installed", async () => {
  const alone = join(folder, "alone");
  await mkdir(join(alone, "node_modules/@acme"), { recursive: true });
  await cp(join(folder, "node_modules/@acme/jobs"), join(alone, "node_modules/@acme/jobs"), { recursive: true });
  for (const name of ["pg", "pg-types", "pg-protocol", "@types", "zod"]) {
    await symlink(join(modules, name), join(alone, "node_modules", name), "junction");
  }
  await writeFile(
    join(alone, "alone.mts"),
    `import { createJobs, defineTask } from "@acme/jobs";
import { drain } from "@acme/jobs/testing";
import { z } from "zod";
void createJobs({ connection: "" }).enqueue(defineTask("t", { payload: z.object({ n: z.number() }) }), { n: 1 });
void drain;
`,
  );
  await writeFile(
    join(alone, "tsconfig.json"),
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { noEmit: true, preserveSymlinks: true, typeRoots: ["./node_modules/@types"] },
      files: ["alone.mts"],
    }),
  );

  const compiled = run(process.execPath, [compiler("typescript"), "-p", alone]).catch(
    (error: { stdout: string }) => error,
  );

  expect((await compiled).stdout).toBe("");
});

it("has types for each entry where imports are resolved as Node 10 did", async () => {
  const project = join(folder, "tsconfig.node10.json");
  await cp(join(folder, "consumer.cts"), join(folder, "node10.ts"));
  await writeFile(
    project,
    JSON.stringify({
      extends: "./tsconfig.json",
      compilerOptions: {
        module: "commonjs",
        moduleResolution: "node10",
        ignoreDeprecations: "6.0",
        noEmit: true,
      },
      files: ["node10.ts"],
    }),
  );

  const compiled = run(process.execPath, [compiler("typescript"), "-p", project]).catch(
    (error: { stdout: string }) => error,
  );

  expect((await compiled).stdout).toBe("");
});

it.each(["mjs", "cjs"])("runs as .%s", async (ending) => {
  await run(process.execPath, [compiler("typescript"), "-p", folder]);

  const { stdout } = await run(process.execPath, [join(folder, `out/consumer.${ending}`)], {
    env: { ...process.env, NODE_OPTIONS: "" },
  });

  expect(JSON.parse(stdout)).toEqual(["ada 1 1", "function", "function", true]);
});

it("runs jobs where there is neither import() nor require() of ES modules, as in Jest", async () => {
  await using database = await createTestDatabase();
  await writeFile(
    join(folder, "jest-like.cjs"),
    `const { Module, createRequire, wrap } = require("node:module");
const { Script } = require("node:vm");
const { dirname } = require("node:path");
// A script that was compiled like this has no import().
Module.prototype._compile = function (content, filename) {
  const run = new Script(wrap(content), { filename }).runInThisContext();
  return run.call(this.exports, this.exports, createRequire(filename), this, filename, dirname(filename));
};
const { createJobs, defineTask, perform } = require("@acme/jobs");
const { drain } = require("@acme/jobs/testing");
const { z } = require("zod");
(async () => {
  const jobs = createJobs({ connection: process.env.DATABASE_URL });
  await jobs.migrate();
  const task = defineTask("t", { payload: z.object({ n: z.number() }) });
  await jobs.enqueue(task, { n: 1 });
  console.log(JSON.stringify(await drain(jobs, { tasks: [perform(task, () => undefined)] })));
  await jobs.close();
})();
`,
  );

  const { stdout } = await run(process.execPath, ["--no-experimental-require-module", join(folder, "jest-like.cjs")], {
    env: { ...process.env, NODE_OPTIONS: "", DATABASE_URL: database.url },
  });

  expect(JSON.parse(stdout)).toMatchObject({ doneCount: 1, failedCount: 0 });
});

it.each([
  ["mjs", `import { createJobs, defineTask, perform } from "@acme/jobs"; import { z } from "zod";`],
  ["cjs", `const { createJobs, defineTask, perform } = require("@acme/jobs"); const { z } = require("zod");`],
])("finds its thread, which gives back what a hang holds, and ends: .%s", async (ending, load) => {
  await using database = await createTestDatabase();
  const file = join(folder, `hang.${ending}`);
  await writeFile(
    file,
    `${load}
void (async () => {
  const log = () => undefined;
  const said = Promise.withResolvers();
  const warn = (_, message) => {
    console.log(message);
    said.resolve();
  };
  const jobs = createJobs({ connection: process.env.DATABASE_URL, logger: { debug: log, info: log, warn, error: warn } });
  await jobs.migrate();
  const task = defineTask("t", { payload: z.object({ n: z.number() }) });
  await jobs.enqueue(task, { n: 0 }, { priority: -1 });
  await jobs.enqueueMany(task, [1, 2, 3].map((n) => ({ n })));
  const left = new Set([0, 1, 2, 3]);
  const done = Promise.withResolvers();
  const run = ({ n }) => {
    const until = Date.now() + (n === 0 ? 4_000 : 0);
    while (Date.now() < until);
    if (left.delete(n) && left.size === 0) done.resolve();
  };
  await jobs.startWorker({ tasks: [perform(task, run)], concurrency: 4, heartbeatMs: 100, deadAfterMs: 500 });
  await done.promise;
  setTimeout(said.resolve, 2_000).unref();
  await said.promise;
  await jobs.close();
})();
`,
  );

  const { stdout } = await run(process.execPath, [file], {
    env: { ...process.env, NODE_OPTIONS: "", DATABASE_URL: database.url },
  });

  expect(stdout).toMatch(/^the process did not answer for \d+ ms; 3 jobs went back to others\n$/);
});

it.each([["import"], ["require"]])(
  "calls its errors by their names, whatever a bundler makes of them: %s",
  async (how) => {
    const load = createRequire(join(folder, "consumer.cjs"));
    const built: Record<string, unknown> =
      how === "require"
        ? load("@acme/jobs")
        : await import(pathToFileURL(join(folder, "node_modules/@acme/jobs/dist/index.js")).href);
    const classes = Object.entries(built).filter((entry): entry is [string, ErrorClass] => isErrorClass(entry[1]));

    const classNames = classes.map(([, { name }]) => name);
    const errorNames = classes.map(([exported, errorClass]) => {
      Object.defineProperty(errorClass, "name", { value: "_bundled" });
      return new errorClass(...(exported === "JobsError" ? ["CLOSED", "Closed."] : [1])).name;
    });

    const names = ["JobsError", "NonRetryableError", "RetryAfterError", "SnoozeError"];
    expect(classes.map(([exported]) => exported)).toEqual(names);
    expect(classNames).toEqual(names);
    expect(errorNames).toEqual(names);
  },
);

type ErrorClass = new (...args: unknown[]) => Error;

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === "function" && value.prototype instanceof Error;
}
