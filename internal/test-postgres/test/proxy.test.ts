import { once } from "node:events";
import { createConnection } from "node:net";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase, startProxy, type TestDatabase } from "../src/index.ts";
import { waysToCommit } from "./note-writer.ts";
import { startSplitter } from "./splitter.ts";

async function createNotes(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await database.pool().query("create table note (text text)");
  return database;
}

async function countNotes(database: TestDatabase): Promise<number> {
  const { rows } = await database.pool().query<{ count: number }>("select count(*)::int as count from note");
  return rows[0]!.count;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

describe.each(Object.entries(waysToCommit))("a COMMIT sent %s", (_, startWriter) => {
  it("commits without its client hearing of it, when its reply is dropped", async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);
    await using writer = await startWriter(proxy.url);

    const dropped = proxy.dropCommitReply();
    await expect(writer.write()).rejects.toThrow(/terminated|ended|ECONNRESET/);
    await dropped;

    expect(await countNotes(database)).toBe(1);
  });

  it("does not reach the server, when the connection is cut before it", async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);
    await using writer = await startWriter(proxy.url);

    const cut = proxy.cutBeforeCommit();
    await expect(writer.write()).rejects.toThrow(/terminated|ended|ECONNRESET/);
    await cut;

    await expect.poll(() => countOpenTransactions(database)).toBe(0);
    expect(await countNotes(database)).toBe(0);
  });

  it("is confirmed only after the release, when its reply is held", async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);
    await using writer = await startWriter(proxy.url);
    const heard: string[] = [];

    const { held, release } = proxy.holdCommitReply();
    const written = writer.write().then(() => heard.push("confirmed"));
    await held;
    expect(await countNotes(database)).toBe(1);
    heard.push("released");
    release();
    await written;

    expect(heard).toEqual(["released", "confirmed"]);
  });
});

it("answers what was sent before the COMMIT before it cuts", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = new Client({ connectionString: proxy.url, pipeline: true });
  client.on("error", () => {});
  await client.connect();
  await client.query("begin");

  const cut = proxy.cutBeforeCommit();
  const [guard, commit] = await Promise.allSettled([client.query("select 1"), client.query("commit")]);
  await cut;

  expect([guard.status, commit.status]).toEqual(["fulfilled", "rejected"]);
});

it("breaks only the COMMIT it was armed for", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const pool = database.pool({ connectionString: proxy.url });

  const dropped = proxy.dropCommitReply();
  await expect(pool.query("commit")).rejects.toThrow();
  await dropped;

  await expect(pool.query("commit")).resolves.toMatchObject({ command: "COMMIT" });
});

it("leaves other statements alone while it waits for a COMMIT", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const pool = database.pool({ connectionString: proxy.url });

  void proxy.cutBeforeCommit();

  await expect(pool.query("select 'commit' as commit")).resolves.toMatchObject({ rows: [{ commit: "commit" }] });
});

it("understands messages that arrive byte by byte", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  await using splitter = await startSplitter(proxy.url);
  const client = await connect(splitter.url);

  const dropped = proxy.dropCommitReply();
  await client.query("begin");
  await client.query("insert into note values ('written')");
  await expect(client.query("commit")).rejects.toThrow();
  await dropped;

  expect(await countNotes(database)).toBe(1);
});

it("speaks to clients that ask for encryption first", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const { hostname, port } = new URL(proxy.url);

  const socket = createConnection(Number(port), hostname);
  const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
  socket.write(sslRequest);
  const [answer] = await once(socket, "data");
  socket.destroy();

  expect(String(answer)).toBe("N");
});

it("keeps everything back while it is silent, and delivers it when it resumes", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = await connect(proxy.url);
  const direct = await connect(database.url);

  proxy.goSilent();
  const inserted = client.query("insert into note values ('written')");
  const isAnswered = await Promise.race([
    inserted.then(() => true),
    direct.query("select pg_sleep(0.1)").then(() => false),
  ]);
  expect([isAnswered, await countNotes(database)]).toEqual([false, 0]);
  proxy.resume();
  await inserted;
  await Promise.all([client.end(), direct.end()]);

  expect(await countNotes(database)).toBe(1);
});

it("hides from the server that a client has gone, while it is silent", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = await connect(proxy.url);
  await client.query("begin; insert into note values ('written')");

  proxy.goSilent();
  client.connection.stream.destroy();
  await once(client, "end");
  expect(await countOpenTransactions(database)).toBe(1);
  proxy.resume();

  await expect.poll(() => countOpenTransactions(database)).toBe(0);
});

it("refuses new connections, keeps the open ones, and accepts again on the same port", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = await connect(proxy.url);

  proxy.refuseConnections();
  await expect(connect(proxy.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await client.query("select 1");
  await proxy.acceptConnections();

  await (await connect(proxy.url)).end();
  await client.end();
});

it("cuts every open connection", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const clients = await Promise.all([connect(proxy.url), connect(proxy.url)]);
  const ends = clients.map((client) => once(client, "end"));

  proxy.cutAll();

  await Promise.all(ends);
});

async function countOpenTransactions(database: TestDatabase): Promise<number> {
  const { rows } = await database.pool().query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`,
  );
  return rows[0]!.count;
}
