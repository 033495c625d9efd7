import type { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { becomeVerified, mailTo, register, tokenIn, verify } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

const secretPassword = "swordfish under the sea";

describe("what is nobody's business", () => {
  it("is in no log line, and in no row but those of the users", async () => {
    await using app = await startTestApp({ beforeReply: refuseSome });

    const tokens = await liveThrough(app);

    const secrets = ["ada@", "brian@", "carol@", "example.org", secretPassword, "c3dvcmRmaXNo", ...tokens];
    expect(foundIn(app.logText(), secrets)).toEqual([]);
    for (const [pool, kept] of [
      [app.jobs, []],
      [app.data, ["users", "verification_tokens"]],
    ] as const) {
      expect(foundIn(await everyRow(pool, kept), secrets)).toEqual([]);
    }
    expect(foundIn(await everyRow(app.data, []), [secretPassword, ...tokens])).toEqual([]);
  });

  it("is not in the answer or the log of a request that breaks", async () => {
    await using app = await startTestApp();
    await register(app, "ada@example.org");
    const token = tokenIn(await mailTo(app, "ada@example.org"));
    await app.data.query("alter table users add constraint no_more check (verified_at is null)");

    const response = await verify(app, token, secretPassword);

    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      error: { code: "INTERNAL", message: expect.any(String), requestId: expect.any(String) },
    });
    const [line] = app.logLines().filter(({ msg }) => msg === "request failed");
    expect(line).toMatchObject({ err: { code: "23514" }, route: "/auth/verify-email" });
    expect(foundIn(app.logText(), ["ada@", token, secretPassword, "argon2id$", "$scrypt$"])).toEqual([]);
  });

  it("is not in the error of a statement that failed", async () => {
    await using app = await startTestApp();

    const failed = app.composition.database
      .knex("users")
      .where({ email: "ada@example.org", no_such_column: secretPassword });

    await expect(failed).rejects.toSatisfy((error: Error) => {
      return error.message.includes("no_such_column") && foundIn(error.message, ["ada@", secretPassword]).length === 0;
    });
  });

  it("is not in the log of a body that does not parse", async () => {
    await using app = await startTestApp();

    const response = await app.post("/auth/register", `{"email":"ada@example.org","password":"${secretPassword}"`);

    expect(response.status).toBe(400);
    expect(foundIn(app.logText() + (await response.text()), ["ada@", secretPassword])).toEqual([]);
  });
});

/** A day in the life of the app: mails that are refused for good, for now, and taken; links used, wrong and old. */
async function liveThrough(app: TestApp): Promise<string[]> {
  await becomeVerified(app, "ada@example.org", secretPassword);
  await register(app, "ada@example.org");
  await register(app, "brian@example.org");
  await register(app, "carol@example.org");
  await app.post("/auth/resend-verification", { email: "carol@example.org" });
  const token = tokenIn(await mailTo(app, "ada@example.org"));
  await app.fetch(`/auth/verify-email?token=${token}`);
  await app.fetch(`/nowhere/ada@example.org?token=${token}`);
  await app.postForm("/auth/verify-email", { token });
  await expect.poll(() => app.logLines().filter(({ msg }) => msg.startsWith("job failed")).length).toBe(3);
  return [token];
}

function refuseSome({ to }: { readonly to: readonly string[] }): void {
  if (to[0]?.startsWith("brian") === true) throw refusal(550, "No such user brian@example.org here");
  if (to[0]?.startsWith("carol") === true) throw refusal(451, "Try again later, carol@example.org");
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** All rows of all tables but those of the app that are there to keep addresses and hashes. */
async function everyRow(pool: Pool, except: readonly string[]): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string; plain: string }>(
    `select format('%I.%I', schemaname, tablename) as name, tablename as plain from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const texts = [];
  for (const { name, plain } of tables) {
    if (except.includes(plain)) continue;
    const { rows } = await pool.query(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join("\n");
}

function foundIn(text: string, secrets: readonly string[]): string[] {
  if (text === "") throw new Error("There is nothing to look into.");
  return secrets.filter((secret) => text.includes(secret));
}
