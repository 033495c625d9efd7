import { CommitOutcomeUnknownError } from "@acme/domain-events";
import { describe, expect, it } from "vitest";
import { createRequestLimits, type RequestLimits } from "../src/http/request-limits.ts";
import { createLogger } from "../src/logging/logger.ts";
import { normaliseEmailAddress } from "../src/users/email-address.ts";
import { becomeVerified, newAddress, register } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

describe("the request limits", () => {
  it("refuse a client that asks too often, and say when to come back", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "3", LIMIT_WINDOW_SECONDS: "600" } });
    await inTurn(3, () => register(app, newAddress()));

    const response = await register(app, newAddress());

    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(590);
    expect(await response.json()).toMatchObject({ error: { code: "TOO_MANY_REQUESTS" } });
  });

  it("count mails per address, alike for a new, an unverified and a verified one, over both ways to cause a mail", async () => {
    await using app = await startTestApp({ settings: { LIMIT_ADDRESS_COUNT: "2" } });
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);

    const statuses = [];
    for (const email of [newAddress(), unverified, verified]) {
      await app.data.query("delete from request_limits");
      const attempts = [
        await register(app, email),
        await app.post("/auth/resend-verification", { email }),
        await app.post("/auth/resend-verification", { email }),
        await register(app, email),
      ];
      statuses.push(attempts.map(({ status }) => status));
    }

    expect(statuses).toEqual(Array.from({ length: 3 }, () => [202, 202, 429, 429]));
  });

  it("do not count a mail that was not sent", async () => {
    await using app = await startTestApp({ settings: { LIMIT_ADDRESS_COUNT: "2" } });
    const email = newAddress();
    await app.data.query("alter table acme_jobs.outbox rename to elsewhere");
    const failed = [
      await register(app, email),
      await register(app, email),
      await app.post("/auth/resend-verification", { email }),
    ];
    await app.data.query("alter table acme_jobs.elsewhere rename to outbox");

    const later = [await register(app, email), await register(app, email), await register(app, email)];

    expect(failed.map(({ status }) => status)).toEqual([500, 500, 500]);
    expect(later.map(({ status }) => status)).toEqual([202, 202, 429]);
  });

  it("count a mail whose COMMIT has an unknown outcome, since it may be on its way", async () => {
    await using app = await startTestApp();
    const limits = limitsOf(app, "a".repeat(32));
    const lost = new CommitOutcomeUnknownError(undefined, new Error("The connection was lost."));

    await expect(limits.countMail(ada, () => Promise.reject(lost))).rejects.toBe(lost);

    await expect(limits.countMail(ada, async () => undefined)).rejects.toMatchObject({ status: 429 });
  });

  it("do not give a count to the next window where a mail was not sent, and the failing took longer than its own", async () => {
    await using app = await startTestApp({ settings: { LIMIT_WINDOW_SECONDS: "1" } });
    const limits = limitsOf(app, "a".repeat(32), 1);
    const failLate = async () => {
      await expect.poll(() => isOver(app), { timeout: 5_000 }).toBe(true);
      throw new Error("too late");
    };

    await expect(limits.countMail(ada, failLate)).rejects.toThrow("too late");

    await limits.countMail(ada, async () => undefined);
    await expect(limits.countMail(ada, async () => undefined)).rejects.toMatchObject({ status: 429 });
  });

  it("do not count one spelling of an address apart from another", async () => {
    await using app = await startTestApp({ settings: { LIMIT_ADDRESS_COUNT: "1" } });
    await register(app, "Ada@Example.org");

    expect((await register(app, " ada@example.ORG")).status).toBe(429);
  });

  it("ignore X-Forwarded-For without TRUST_PROXY", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "2" } });
    await registerFrom(app, "203.0.113.1");
    await registerFrom(app, "203.0.113.2");

    expect((await registerFrom(app, "203.0.113.3")).status).toBe(429);
  });

  it("tell clients apart behind a proxy with TRUST_PROXY, whatever the client itself writes into the header", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "2", TRUST_PROXY: "true" } });
    await registerFrom(app, "198.51.100.1, 203.0.113.1");
    await registerFrom(app, "198.51.100.2, 203.0.113.1");

    expect((await registerFrom(app, "198.51.100.3, 203.0.113.1")).status).toBe(429);
    expect((await registerFrom(app, "203.0.113.2")).status).toBe(202);
  });

  it("take an IPv6 network for one client", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "2", TRUST_PROXY: "1" } });
    await registerFrom(app, "2001:db8:1:2::1");
    await registerFrom(app, "2001:db8:1:2:ffff::99");

    expect((await registerFrom(app, "2001:0db8:0001:0002:abcd::7")).status).toBe(429);
    expect((await registerFrom(app, "2001:db8:1:3::1")).status).toBe(202);
  });

  it("count a client once, however its proxy writes its address", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "3", TRUST_PROXY: "1" } });
    for (const spelling of ["192.0.2.9:1234", "192.0.2.9:1235", "::ffff:c000:209"]) await registerFrom(app, spelling);

    expect((await registerFrom(app, "192.0.2.9")).status).toBe(429);
  });

  it("count the connection where a proxy names nobody", async () => {
    await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "2", TRUST_PROXY: "1" } });
    for (const nobody of ["unknown", "_hidden"]) await registerFrom(app, nobody);

    expect((await registerFrom(app, "a-third-name")).status).toBe(429);
    expect((await registerFrom(app, "192.0.2.9")).status).toBe(202);
  });

  it("keep neither mail nor IP addresses in their table", async () => {
    await using app = await startTestApp({ settings: { TRUST_PROXY: "true" } });
    await registerFrom(app, "203.0.113.77", "ada@example.org");

    const { rows } = await app.data.query("select key from request_limits");

    expect(rows.length).toBe(2);
    expect(JSON.stringify(rows)).not.toMatch(/ada|example|203\.0/);
  });

  it("keep under each secret other keys, so that nobody can try addresses on the table", async () => {
    await using app = await startTestApp();
    const [secret, another] = ["a".repeat(32), "b".repeat(32)];

    const keys = [await keyUnder(app, secret), await keyUnder(app, another), await keyUnder(app, secret)];

    expect(keys[2]).toBe(keys[0]);
    expect(keys[1]).not.toBe(keys[0]);
  });

  it("refuse with 503 and a log line while they cannot be checked", async () => {
    await using app = await startTestApp();
    await app.data.query("alter table request_limits rename to elsewhere");

    const response = await register(app, newAddress());

    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await userCount(app)).toBe(0);
    const errors = app.logLines().filter(({ level }) => level === "error");
    expect(errors).toMatchObject([{ msg: expect.stringContaining("could not be checked") }]);
  });
});

/** The key under which one and the same address is counted. */
async function keyUnder(app: TestApp, secret: string): Promise<unknown> {
  await limitsOf(app, secret).countMail(ada, async () => undefined);
  const { rows } = await app.data.query("delete from request_limits returning key");
  return rows[0].key;
}

/** Limits on the table of an app, apart from those of the app: one mail per address. */
function limitsOf(app: TestApp, secret: string, windowSeconds = 900): RequestLimits {
  const limits = { clientCount: 1, addressCount: 1, windowSeconds };
  return createRequestLimits({ pool: app.data, limits, secret, logger: createLogger({ level: "silent" }) });
}

/** Whether the window of every count has ended. */
async function isOver(app: TestApp): Promise<boolean> {
  const { rows } = await app.data.query(
    "select bool_and(expire < extract(epoch from clock_timestamp()) * 1000) as over from request_limits",
  );
  return rows[0].over;
}

const ada = normaliseEmailAddress("ada@example.org")!;

async function userCount(app: TestApp): Promise<number> {
  const { rows } = await app.data.query("select count(*)::int as count from users");
  return rows[0].count;
}

async function registerFrom(app: TestApp, forwardedFor: string, email = newAddress()): Promise<Response> {
  return await app.post("/auth/register", { email }, { "x-forwarded-for": forwardedFor });
}

async function inTurn(count: number, action: () => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index += 1) await action();
}
