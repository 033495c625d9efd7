import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
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

it("hides from the server, while it is silent, that a client has disconnected", async () => {
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

it("does not deliver to a client that it cuts what the server sent during the silence", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = await connect(proxy.url);
  const direct = await connect(database.url);
  await direct.query("select pg_advisory_lock(1)");
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const said = client.query("select pg_advisory_lock(1)").then(
    () => "answered",
    () => "lost",
  );
  const countLocks = async (where: string) => (await direct.query(`select from pg_locks where ${where}`)).rowCount;
  await expect.poll(() => countLocks("not granted")).toBe(1);

  proxy.goSilent();
  await direct.query("select pg_advisory_unlock(1)");
  await direct.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
  // The kernel closes the server's side when the process has gone.
  await expect.poll(() => isRunning(rows[0]!.pid)).toBe(false);
  await nextTurn();
  proxy.cutAll();
  proxy.resume();
  await direct.end();

  expect(await said).toBe("lost");
});

it("cuts the server's side of a connection whose client has left during the silence", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const client = await connect(proxy.url);
  await client.query("begin; insert into note values ('written')");
  const gone = ended(client);

  proxy.goSilent();
  client.connection.stream.destroy();
  await gone;
  proxy.cutAll();

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

it.runIf(process.platform === "linux")(
  "accepts again although somebody else was given its port while it refused connections",
  async () => {
    await using database = await createNotes();
    await using proxy = await startProxy(database.url);

    proxy.refuseConnections();
    const somebodyElse = createServer().listen(Number(new URL(proxy.url).port), "127.0.0.1");
    onTestFinished(() => void somebodyElse.close());
    await once(somebodyElse, "listening");
    await proxy.acceptConnections();

    const client = await connect(proxy.url);
    expect((await client.query("select 1")).rowCount).toBe(1);
    await client.end();
  },
);

it("cuts every open connection", async () => {
  await using database = await createNotes();
  await using proxy = await startProxy(database.url);
  const clients = await Promise.all([connect(proxy.url), connect(proxy.url)]);
  const ends = clients.map(ended);

  proxy.cutAll();

  await expect(Promise.all(ends)).resolves.toHaveLength(2);
});

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
