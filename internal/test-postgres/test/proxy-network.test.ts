import { once } from "node:events";
import { createConnection } from "node:net";
import { expect, it } from "vitest";
import { startProxy } from "../src/index.ts";
import { connect, countNotes, countOpenTransactions, createNotes, ended } from "./notes.ts";

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
  const gone = ended(client);
  client.connection.stream.destroy();
  await gone;
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
  const ends = clients.map(ended);

  proxy.cutAll();

  await expect(Promise.all(ends)).resolves.toHaveLength(2);
});
