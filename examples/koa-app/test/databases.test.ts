import { once } from "node:events";
import { createServer } from "node:net";
import { createTestDatabase, startProxy } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { portOf } from "../src/http/port-of.ts";
import { mailTo, newAddress, register } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

describe("the databases", () => {
  it("may be two: the job goes through the outbox", async () => {
    await using app = await startTestApp();
    const email = newAddress();

    await register(app, email);

    await mailTo(app, email);
    expect(await schemasOf(app, "data")).not.toContain("graphile_worker");
    expect(await schemasOf(app, "jobs")).toContain("graphile_worker");
    expect((await ready(app)).body).toEqual({
      status: "up",
      parts: {
        server: "up",
        appDatabase: "up",
        jobsDatabase: "up",
        worker: "up",
        outbox: { pendingCount: 0, oldestAgeMs: 0 },
      },
    });
  });

  it("may be one: data and jobs together", async () => {
    await using app = await startTestApp({ databases: "one" });
    const email = newAddress();

    await register(app, email);

    await mailTo(app, email);
    expect(await schemasOf(app, "data")).toContain("graphile_worker");
    expect((await ready(app)).body.status).toBe("up");
  });

  it("need not both be there: without the jobs database the app serves, says so, and catches up later", async () => {
    await using later = await createTestDatabase();
    await using proxy = await startProxy(later.url);
    proxy.refuseConnections();
    await using app = await startTestApp({ jobQueueDatabaseUrl: proxy.url });
    const email = newAddress();

    const response = await register(app, email);

    expect(response.status).toBe(202);
    const { status, body } = await ready(app);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "degraded",
      parts: { appDatabase: "up", jobsDatabase: "down", worker: "down", outbox: { pendingCount: 1 } },
    });

    await proxy.acceptConnections();

    await mailTo(app, email);
    await expect.poll(async () => (await ready(app)).body.status).toBe("up");
  });

  it("are not both touched with JOB_QUEUE_ENABLED=false: the outbox keeps what another process will do", async () => {
    let connectionCount = 0;
    await using jobsServer = await startTcpServer(() => {
      connectionCount += 1;
    });
    await using app = await startTestApp({
      jobQueueDatabaseUrl: `postgres://nobody@127.0.0.1:${jobsServer.port}/jobs`,
      settings: { JOB_QUEUE_ENABLED: "false" },
    });

    await register(app, newAddress());

    expect((await ready(app)).body).toMatchObject({
      status: "up",
      parts: { jobsDatabase: "off", worker: "off", outbox: { pendingCount: 1 } },
    });
    expect(connectionCount).toBe(0);
  });

  it("say 503 while the app database is down, and refuse what cannot be done", async () => {
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    await using app = await startTestApp({ databaseUrl: proxy.url });
    expect((await ready(app)).status).toBe(200);

    proxy.refuseConnections();
    proxy.cutAll();

    await expect
      .poll(() => ready(app))
      .toMatchObject({ status: 503, body: { status: "down", parts: { appDatabase: "down" } } });
    expect((await app.fetch("/health/live")).status).toBe(200);
    expect((await register(app, newAddress())).status).toBe(503);
    await proxy.acceptConnections();
    await expect.poll(async () => (await ready(app)).status).toBe(200);
    expect((await register(app, newAddress())).status).toBe(202);
  });

  it("are no reason to send requests to an app that is stopping", async () => {
    await using app = await startTestApp();

    app.composition.announceStop();

    expect(await ready(app)).toMatchObject({ status: 503, body: { status: "down", parts: { server: "stopping" } } });
  });
});

/** A server that only notes who comes. */
async function startTcpServer(onConnection: () => void): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => {
    onConnection();
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
}

describe("a stop", () => {
  it("reports the units of work that it could not wait for, and they roll back", async () => {
    await using app = await startTestApp({ settings: { STOP_DEADLINE_MS: "50" } });
    const email = newAddress();
    const holder = await app.data.connect();
    await holder.query("begin; lock table users");
    const refused = register(app, email).catch(() => undefined);
    await expect.poll(async () => await waitingCount(app)).toBe(1);

    const closed = app.composition.close();
    const report = {
      msg: "stopped before all units of work and handlers had ended",
      unfinishedUnitCount: 1,
      dropped: [],
    };
    await expect.poll(() => app.logLines()).toContainEqual(expect.objectContaining(report));
    await holder.query("rollback");

    await Promise.all([closed, refused]);
    const { rows } = await holder.query("select from users where email = $1", [email]);
    holder.release();
    expect(rows).toEqual([]);
  });
});

async function waitingCount(app: TestApp): Promise<number> {
  const { rows } = await app.data.query("select count(*)::int as count from pg_locks where not granted");
  return rows[0].count;
}

interface Ready {
  readonly status: number;
  readonly body: { readonly status: string; readonly parts: Record<string, unknown> };
}

async function ready(app: TestApp): Promise<Ready> {
  const response = await app.fetch("/health/ready");
  return { status: response.status, body: (await response.json()) as Ready["body"] };
}

async function schemasOf(app: TestApp, database: "data" | "jobs"): Promise<string[]> {
  const { rows } = await app[database].query("select nspname from pg_namespace");
  return rows.map(({ nspname }) => nspname);
}
