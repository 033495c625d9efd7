import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { startProxy } from "../src/index.ts";
import { waysToCommit } from "./note-writer.ts";
import { connect, connectionLost, countNotes, countOpenTransactions, createNotes } from "./notes.ts";
import { startSplitter } from "./splitter.ts";

describe.each(Object.entries(waysToCommit))("a COMMIT sent %s", (_, startWriter) => {
  it("commits without its client hearing of it, when its reply is dropped", async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);
    await using writer = await startWriter(proxy.url);

    const dropped = proxy.dropCommitReply();
    await expect(writer.write()).rejects.toThrow(connectionLost);
    await dropped;

    expect(await countNotes(database)).toBe(1);
  });

  it("does not reach the server, when the connection is cut before it", async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);
    await using writer = await startWriter(proxy.url);

    const cut = proxy.cutBeforeCommit();
    await expect(writer.write()).rejects.toThrow(connectionLost);
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
  await expect(pool.query("commit")).rejects.toThrow(connectionLost);
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
  await expect(client.query("commit")).rejects.toThrow(connectionLost);
  await dropped;

  expect(await countNotes(database)).toBe(1);
});
