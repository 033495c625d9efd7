import { describe, expect, it } from "vitest";
import { isInstalled, postgresVersions, startServer } from "../src/index.ts";
import { connect, ended } from "./notes.ts";

describe.each(postgresVersions)("PostgreSQL %s", (version) => {
  const canDie = process.platform !== "win32" && isInstalled(version);

  it.runIf(canDie)("is that version, with the settings it was given and otherwise its own", async () => {
    await using server = await startServer({ version, settings: { commit_delay: "5000" } });

    await server.stop();
    await server.start({ commit_siblings: "3" });

    const client = await connect(server.url());
    const names = ["server_version_num", "commit_delay", "commit_siblings", "fsync", "synchronous_commit"];
    const { rows } = await client.query("select setting from unnest($1::text[]) name, current_setting(name) setting", [
      names,
    ]);
    await client.end();
    const [number, ...settings] = rows.map(({ setting }) => String(setting));
    expect(number?.slice(0, 2)).toBe(version);
    expect(settings).toEqual(["5000", "3", "on", "on"]);
  });

  it.runIf(canDie)("recovers when one backend is killed: all connections are lost, but no commit", async () => {
    await using server = await startServer({ version });
    const client = await connect(server.url());
    await client.query("create table note as select 'kept' as text");
    const end = ended(client);

    await server.crash();

    await end;
    const after = await connect(server.url());
    const { rows } = await after.query("select text from note");
    await after.end();
    expect(rows).toEqual([{ text: "kept" }]);
  });

  it.runIf(canDie)("assigns the id of a transaction that the crash has undone to another transaction", async () => {
    await using server = await startServer({ version });
    const client = await connect(server.url());
    await client.query("create table note (text text)");
    await client.query("begin");
    const undone = await client.query("insert into note values ('undone') returning pg_current_xact_id()::text as id");

    await server.crash();

    const stranger = await connect(server.url());
    const next = await stranger.query("insert into note values ('kept') returning pg_current_xact_id()::text as id");
    await stranger.end();
    expect(next.rows).toEqual(undone.rows);
  });

  it.runIf(canDie).each(["stopImmediately", "kill"] as const)("comes back after %s with all commits", async (end) => {
    await using server = await startServer({ version });
    const client = await connect(server.url());
    await client.query("create table note as select 'kept' as text");

    await server[end]();
    await expect(connect(server.url())).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.start();

    const after = await connect(server.url());
    const { rows } = await after.query("select text from note");
    await after.end();
    expect(rows).toEqual([{ text: "kept" }]);
  });
});

it("crash() rejects if there was nothing to crash", async () => {
  await using server = await startServer();
  await server.stop();

  await expect(server.crash(1)).rejects.toThrow("1 is no process");
});
