import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { becomeVerified, linkIn, mailTo, newAddress, register, tokenIn, verify } from "./support/people.ts";
import { createPasswordHasher } from "../src/passwords/password-hasher.ts";
import { watchUnits } from "./support/watch-units.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

const hasher = createPasswordHasher();

describe("/auth/verify-email", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it("shows a form and changes nothing, however often a scanner opens the link", async () => {
    const email = newAddress();
    await register(app, email);
    const link = linkIn(await mailTo(app, email));

    for (const method of ["HEAD", "GET", "GET"]) {
      const response = await app.fetch(link.pathname + link.search, { method });
      expect(response.status).toBe(200);
    }

    expect(await isVerified(email)).toBe(false);
    expect((await verify(app, tokenIn(await mailTo(app, email)))).status).toBe(200);
  });

  it("sends no other link to whoever is just being verified", async () => {
    await using own = await startTestApp();
    const email = newAddress();
    await register(own, email);
    const token = tokenIn(await mailTo(own, email));
    await using verification = await holdVerification(own);
    const answer = verify(own, token);
    await expect.poll(() => verification.waiting("update users")).toBe(1);

    await own.post("/auth/resend-verification", { email });
    await expect.poll(() => verification.waiting("insert into verification_tokens")).toBe(1);
    await verification.release();

    expect((await answer).status).toBe(200);
    await expect.poll(() => jobCount(own)).toBe(0);
    expect(own.mailsTo(email)).toHaveLength(1);
    expect((await own.data.query("select from verification_tokens")).rowCount).toBe(0);
  });

  it("lets neither caches, nor referrers, nor other sites learn the token", async () => {
    const email = newAddress();
    await register(app, email);
    const link = linkIn(await mailTo(app, email));

    const response = await app.fetch(link.pathname + link.search);

    const headers = Object.fromEntries(response.headers);
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["referrer-policy"]).toBe("no-referrer");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toContain("script-src 'self'");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["content-security-policy"]).not.toContain("unsafe-inline");
    expect(await response.text()).not.toMatch(/<script|\son\w+=|style=/);
  });

  it("verifies once, and logs nobody in", async () => {
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    const first = await verify(app, token);
    const second = await verify(app, token);

    expect(first.status).toBe(200);
    expect(first.headers.get("set-cookie")).toBeNull();
    expect(await first.text()).toContain("your address is verified");
    expect(second.status).toBe(410);
    expect(await second.text()).toContain("does not work any more");
    expect(await isVerified(email)).toBe(true);
  });

  it("verifies once when a token is posted twice at the same time", async () => {
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));
    const holder = await app.data.connect();
    await holder.query("begin");
    await holder.query("select from users where email = $1 for update", [email]);

    const posts = Promise.all([verify(app, token), verify(app, token)]);
    // Both hash a password before they wait.
    await expect.poll(waitingCount, { timeout: 10_000 }).toBe(2);
    await holder.query("rollback");
    holder.release();

    const statuses = (await posts).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 410]);
  });

  it("sets the password of whoever follows the link, whoever registered the address and how often", async () => {
    const email = newAddress();
    await app.post("/auth/register", { email, password: "the owner's first" });
    const first = tokenIn(await mailTo(app, email));
    await app.post("/auth/register", { email, password: "a stranger's password" });
    const second = tokenIn(await mailTo(app, email, 2));

    expect((await verify(app, first, "the owner's own words")).status).toBe(200);
    expect((await verify(app, second, "a stranger's password")).status).toBe(410);

    const { rows } = await app.data.query("select password_hash from users where email = $1", [email]);
    expect(await hasher.matches("the owner's own words", rows[0].password_hash)).toBe(true);
  });

  it("asks again for a password that cannot be used, and the link goes on working", async () => {
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    const refused = await verify(app, token, "short");

    expect(refused.status).toBe(400);
    const page = await refused.text();
    expect(page).toContain("Use at least 8 characters.");
    expect(page).toContain(`value="${token}"`);
    expect(page).not.toContain("short");
    expect((await app.postForm("/auth/verify-email", { token })).status).toBe(400);
    expect(await isVerified(email)).toBe(false);
    expect((await verify(app, token)).status).toBe(200);
  });

  it("hashes nothing for a token that is of no use", async () => {
    const before = app.hashCount();

    const response = await verify(app, "x".repeat(43));

    expect(response.status).toBe(410);
    expect(app.hashCount()).toBe(before);
  });

  it("keeps no unverified user with a password, and no verified one without, and says so in the database", async () => {
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);

    for (const change of ["password_hash = 'a hash'", "verified_at = now()"]) {
      const changed = app.data.query(`update users set ${change} where email = $1`, [unverified]);
      await expect(changed).rejects.toThrow("users_password_is_verified");
    }
    const emptied = app.data.query("update users set password_hash = null where email = $1", [verified]);
    await expect(emptied).rejects.toThrow("users_password_is_verified");
  });

  it("runs a handler of its own once the verification is committed", async () => {
    const email = newAddress();

    await becomeVerified(app, email);

    const { rows } = await app.data.query("select id from users where email = $1", [email]);
    const lines = app.logLines().filter((line) => line["userId"] === rows[0].id);
    expect(lines.map(({ msg }) => msg)).toEqual(["a user has verified the e-mail address"]);
    expect(app.logLines()).toContainEqual(
      expect.objectContaining({ msg: "handler ran", eventType: "user.email-verified", handler: "welcomeUser" }),
    );
  });

  it("refuses an expired token", async () => {
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));
    await app.data.query(
      `update verification_tokens set expires_at = now() where user_id = (select id from users where email = $1)`,
      [email],
    );

    const response = await verify(app, token);

    expect(response.status).toBe(410);
    expect(await isVerified(email)).toBe(false);
  });

  it.each(["", "x", "x".repeat(43), "ü".repeat(43), "x".repeat(10_000), "' or 1=1 --"])(
    "answers a wrong token with one clear page (%#)",
    async (token) => {
      const [opened, posted] = [
        await app.fetch(`/auth/verify-email?token=${encodeURIComponent(token)}`),
        await verify(app, token),
      ];

      expect([200, 400]).toContain(opened.status);
      expect(posted.status).toBe(410);
      expect(await posted.text()).toContain("This link does not work any more.");
    },
  );

  it("answers a link without a token, or with two, with the same page", async () => {
    for (const query of ["", "?token=a&token=b", "?other=1"]) {
      const response = await app.fetch(`/auth/verify-email${query}`);

      expect(response.status).toBe(400);
      expect(await response.text()).toContain("This link does not work any more.");
    }
  });

  it("keeps only a hash of the token", async () => {
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    const { rows } = await app.data.query("select * from verification_tokens");

    expect(JSON.stringify(rows)).not.toContain(token);
    expect(rows.every(({ token_hash: hash }) => Buffer.isBuffer(hash) && hash.length === 32)).toBe(true);
  });

  it("sends another mail to whoever asks, and the link in the first goes on working", async () => {
    const email = newAddress();
    await register(app, email);
    const late = tokenIn(await mailTo(app, email));

    await app.post("/auth/resend-verification", { email });

    await mailTo(app, email, 2);
    expect((await verify(app, late)).status).toBe(200);
  });

  it("answers a request for another mail alike, and with the same statements, for every address", async () => {
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);

    const answers = [];
    for (const email of [newAddress(), unverified, verified]) {
      using watch = watchUnits();
      const response = await app.post("/auth/resend-verification", { email });
      answers.push({ status: response.status, body: await response.text(), units: [...watch.units] });
    }

    expect(answers[0]?.status).toBe(202);
    expect(answers[0]?.units.length).toBe(1);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    await mailTo(app, unverified, 2);
    expect(app.mailsTo(verified).length).toBe(1);
  });

  async function waitingCount(): Promise<number> {
    const { rows } = await app.data.query(
      "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows[0].count;
  }

  async function isVerified(email: string): Promise<boolean> {
    const { rows } = await app.data.query("select verified_at from users where email = $1", [email]);
    return rows[0]?.verified_at !== null;
  }
});

/** Lets a verification wait when it has the row of its user. */
async function holdVerification({ data }: TestApp) {
  await data.query(`
    create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(42); return new; end $$;
    create trigger hold before update of verified_at on users for each row
      when (new.verified_at is not null) execute function hold()`);
  const holder = await data.connect();
  await holder.query("select pg_advisory_lock(42)");
  let isHeld = true;
  const release = async () => {
    if (!isHeld) return;
    isHeld = false;
    await holder.query("select pg_advisory_unlock(42)");
    holder.release();
  };
  return {
    release,
    async waiting(statement: string): Promise<number | null> {
      const { rowCount } = await data.query(
        `select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and replace(query, '"', '') ilike '%' || $1 || '%'`,
        [statement],
      );
      return rowCount;
    },
    [Symbol.asyncDispose]: release,
  };
}

async function jobCount({ jobs }: TestApp): Promise<number | null> {
  return (await jobs.query("select from graphile_worker.jobs")).rowCount;
}
