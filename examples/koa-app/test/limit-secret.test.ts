import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadLimitSecret } from "../src/local/limit-secret.ts";
import { createHome } from "./support/home.ts";

describe("the secret of the request limits", () => {
  it("is random for each installation, and stays the same", async () => {
    await using first = await createDirectory();
    await using second = await createDirectory();

    const secrets = [await first.load(), await first.load(), await second.load()];

    expect(secrets[0]).toMatch(/^[\w-]{43}$/);
    expect(secrets[1]).toBe(secrets[0]);
    expect(secrets[2]).not.toBe(secrets[0]);
  });

  it("is for its owner's eyes only", async () => {
    await using directory = await createDirectory();

    await directory.load();

    const { mode } = await stat(join(directory.dataDir, "limit-secret"));
    expect(mode & 0o777).toBe(0o600);
  });

  it("is one for processes that start together, and nothing else is left", async () => {
    await using directory = await createDirectory();

    const secrets = await Promise.all(Array.from({ length: 20 }, () => directory.load()));

    expect(new Set(secrets).size).toBe(1);
    expect(await readdir(directory.dataDir)).toEqual(["limit-secret"]);
  });

  it("comes from LIMIT_SECRET where that is set, and nothing is written", async () => {
    await using directory = await createDirectory();

    expect(await directory.load("of the environment")).toBe("of the environment");

    expect(await readdir(directory.path)).toEqual([]);
  });

  it.each(["", " \n", "cut off"])("is not taken from a file that holds none: %j", async (content) => {
    await using directory = await createDirectory();
    const file = join(directory.dataDir, "limit-secret");
    await mkdir(directory.dataDir);
    await writeFile(file, content);

    await expect(directory.load()).rejects.toMatchObject({
      name: "StartupError",
      code: "SECRET_NOT_KEPT",
      message: expect.stringContaining("Delete that file"),
    });

    expect(await readFile(file, "utf8")).toBe(content);
  });

  it("is missed loudly at a start where it can be neither read nor kept", async () => {
    await using home = await createHome();
    await using directory = await createDirectory();
    const file = join(directory.path, "a-file");
    await writeFile(file, "");
    const settings = { DATABASE_URL: "postgres://127.0.0.1:1/app", SMTP_URL: "smtp://127.0.0.1:1", DATA_DIR: file };

    const failed = await home.run("main.ts", settings);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/^LIMIT_SECRET is not set, and DATA_DIR cannot keep .* \(EEXIST\)\. .*\n$/);
  });
});

async function createDirectory() {
  const path = await mkdtemp(join(tmpdir(), "koa-app-test-"));
  const dataDir = join(path, "data");
  return {
    path,
    dataDir,
    load: (limitSecret?: string) => loadLimitSecret({ limitSecret, dataDir }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
