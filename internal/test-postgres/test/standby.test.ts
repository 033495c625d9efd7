import { describe, expect, it } from "vitest";
import { isInstalled, postgresVersions, startProxy, startServer, startStandby } from "../src/index.ts";
import { connect } from "./notes.ts";

describe.each(postgresVersions)("a standby of PostgreSQL %s", (version) => {
  const canStandBy = process.platform !== "win32" && isInstalled(version);

  it.runIf(canStandBy)("takes over with what it has received, and the old primary does not come back", async () => {
    await using primary = await startServer({ version });
    await using standby = await startStandby(primary, { isSynchronous: true });
    const client = await connect(primary.url());
    await client.query("create table note as select 'replicated' as text");

    await primary.kill();
    await standby.promote();

    const after = await connect(standby.url());
    const { rows } = await after.query("insert into note values ('new') returning (select text from note)");
    await after.end();
    expect(rows).toEqual([{ text: "replicated" }]);
    await expect(connect(primary.url())).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.runIf(canStandBy)("lacks what was committed while replication was held up", async () => {
    await using primary = await startServer({ version });
    await using link = await startProxy(primary.url());
    await using standby = await startStandby(primary, { primaryUrl: link.url });
    const client = await connect(primary.url());
    await client.query("create table note ()");
    const replica = await connect(standby.url());
    await expect
      .poll(() =>
        replica.query("select from note").then(
          () => "there",
          () => "absent",
        ),
      )
      .toBe("there");

    link.goSilent();
    await client.query("insert into note default values");
    await primary.kill();
    await standby.promote();

    const { rowCount } = await replica.query("select from note");
    await replica.end();
    expect(rowCount).toBe(0);
  });

  it.runIf(canStandBy)("is waited for by every COMMIT when it is synchronous", async () => {
    await using primary = await startServer({ version });
    await using link = await startProxy(primary.url());
    await using standby = await startStandby(primary, { primaryUrl: link.url, isSynchronous: true });
    const [client, observer] = [await connect(primary.url()), await connect(primary.url())];

    link.goSilent();
    const committed = client.query("create table note ()");
    await expect
      .poll(() => observer.query("select from pg_stat_activity where wait_event = 'SyncRep'"))
      .toMatchObject({ rowCount: 1 });
    link.resume();

    await committed;
    await Promise.all([client.end(), observer.end()]);
    await expect(connect(standby.url()).then((replica) => replica.end())).resolves.toBeUndefined();
  });
});

it("a standby is reached at the primary's address by new connections once the proxy is redirected", async () => {
  await using primary = await startServer();
  await using standby = await startStandby(primary);
  await using address = await startProxy(primary.url());
  const isStandby = async (client: Awaited<ReturnType<typeof connect>>) => {
    const { rows } = await client.query<{ answer: boolean }>("select pg_is_in_recovery() as answer");
    return rows[0]?.answer;
  };
  const early = await connect(address.url);

  address.redirect(standby.url());
  const late = await connect(address.url);

  expect([await isStandby(early), await isStandby(late)]).toEqual([false, true]);
  await Promise.all([early.end(), late.end()]);
});
