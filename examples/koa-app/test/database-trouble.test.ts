import { createTestDatabase, startProxy } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { mailTo, newAddress, register, tokenIn, verify } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

describe("trouble with the app database in the middle of a request", () => {
  it("is answered with 503 and Retry-After when the connection is ended", async () => {
    await using app = await startTestApp();
    await using users = await lockUsers(app);
    const answer = register(app, newAddress());
    await expect.poll(() => users.waitingCount()).toBe(1);

    await users.terminateWaiting();

    expect(outcomeOf(await answer)).toEqual(unavailable);
  });

  it("is answered with 503 and Retry-After when no connection is free in time", async () => {
    await using app = await startTestApp({ databaseLimits: { connectMs: 1_000, statementMs: 8_000 } });
    const { knex } = app.composition.database;
    const taken = await Promise.all(Array.from({ length: 10 }, () => knex.transaction()));

    const answer = await register(app, newAddress());

    await Promise.all(taken.map((transaction) => transaction.rollback()));
    expect(outcomeOf(answer)).toEqual(unavailable);
  });

  it("is answered with 503 and Retry-After when a statement takes too long, and the server does not go on with it", async () => {
    await using app = await startTestApp({ databaseLimits: { connectMs: 5_000, statementMs: 500 } });
    await using users = await lockUsers(app);

    expect(outcomeOf(await register(app, newAddress()))).toEqual(unavailable);

    expect(await users.waitingCount()).toBe(0);
  });

  it("is answered with 503 and Retry-After when the database falls silent, and is over with its silence", async () => {
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    await using app = await startTestApp({
      databaseUrl: proxy.url,
      databaseLimits: { connectMs: 1_000, statementMs: 500 },
    });
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    proxy.goSilent();
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => register(app, newAddress())),
      verify(app, token),
    ]);
    proxy.cutAll();
    proxy.resume();

    expect(answers.map(outcomeOf)).toEqual(answers.map(() => unavailable));
    expect((await verify(app, token)).status).toBe(200);
  });

  it("is answered with OUTCOME_UNKNOWN when the database is lost in the moment of the commit", async () => {
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    await using app = await startTestApp({ databaseUrl: proxy.url });
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    const losing = async () => {
      await proxy.dropCommitReply();
      proxy.refuseConnections();
      proxy.cutAll();
    };
    const [answer] = await Promise.all([verify(app, token), losing()]);

    expect(outcomeOf(answer)).toEqual(unavailable);
    expect(await answer.json()).toMatchObject({ error: { code: "OUTCOME_UNKNOWN" } });
    await proxy.acceptConnections();
    await expect.poll(async () => (await verify(app, token)).status, { timeout: 10_000 }).toBe(410);
  });

  it("is warned of once in a while, not for each connection that cannot be opened", async () => {
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    await using app = await startTestApp({ databaseUrl: proxy.url });
    const { knex } = app.composition.database;
    proxy.refuseConnections();
    proxy.cutAll();

    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => knex.raw("select 1")));
    await proxy.acceptConnections();

    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => "rejected"));
    const warnings = app.logLines().filter(({ from }) => from === "knex");
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThan(3);
  });

  it("hands nobody a connection on which a statement was given up and is still going on", async () => {
    await using app = await startTestApp({ databaseLimits: { connectMs: 5_000, statementMs: 500 } });
    await using users = await lockUsers(app);
    const { knex } = app.composition.database;
    const processId = async () => (await knex.raw("select pg_backend_pid() as id")).rows[0].id as number;
    await knex.raw("set statement_timeout = 0");
    const first = await processId();

    await expect(knex.raw("select from users")).rejects.toThrow("Query read timeout");

    expect(await users.waitingCount()).toBe(1);
    expect(await processId()).not.toBe(first);
  });
});

const unavailable = { status: 503, retryAfter: "5" };

function outcomeOf({ status, headers }: Response) {
  return { status, retryAfter: headers.get("retry-after") };
}

/** Lets whoever wants to write a user wait. */
async function lockUsers(app: TestApp) {
  const client = await app.data.connect();
  await client.query("begin; lock table users");
  const waiting = "select pid from pg_locks where not granted and relation = 'users'::regclass";
  return {
    waitingCount: async () => (await client.query(waiting)).rowCount,
    terminateWaiting: async () =>
      void (await client.query(`select pg_terminate_backend(pid) from (${waiting}) waiting`)),
    [Symbol.asyncDispose]: async () => {
      await client.query("rollback");
      client.release();
    },
  };
}
