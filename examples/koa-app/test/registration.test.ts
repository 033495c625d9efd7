import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { becomeVerified, linkIn, mailTo, newAddress, register } from "./support/people.ts";
import { postAs } from "./support/post-as.ts";
import { watchUnits } from "./support/watch-units.ts";
import { startTestApp, type LogLine, type TestApp } from "./support/test-app.ts";

describe("POST /auth/register", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it("answers 202, and the mail with the link arrives", async () => {
    const email = newAddress();

    const response = await register(app, email);

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ status: "accepted", message: expect.any(String) });
    const mail = await mailTo(app, email);
    expect(mail.subject).toBe("Please verify your e-mail address");
    expect(mail.html).toContain(linkIn(mail).href);
  });

  it("answers alike for a new, an unverified and a verified address", async () => {
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);

    const answers = [];
    for (const email of [newAddress(), unverified, verified]) {
      const response = await register(app, email);
      const { date: _, "x-request-id": _id, ...headers } = Object.fromEntries(response.headers);
      answers.push({ status: response.status, headers, body: await response.text() });
    }

    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it("costs no hash and the same statements for a new, an unverified and a verified address", async () => {
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);
    await mailTo(app, unverified);

    const work = [];
    for (const email of [newAddress(), unverified, verified]) work.push(await workOf(() => register(app, email)));

    expect(work[0]?.statements.at(0)).toMatch(/^BEGIN/i);
    expect(work[0]?.statements.filter((statement) => statement.includes("outbox")).length).toBe(1);
    expect(work[0]?.statements.at(-1)).toMatch(/^COMMIT/i);
    expect(work[0]?.hashCount).toBe(0);
    expect(work[1]).toEqual(work[0]);
    expect(work[2]).toEqual(work[0]);
  });

  it("tells the owner of a verified address, and changes nothing", async () => {
    const email = newAddress();
    await becomeVerified(app, email);
    const before = await userRow(email);

    await register(app, email);

    const mail = await mailTo(app, email, 2);
    expect(mail.subject).toBe("You have an account already");
    expect(mail.text).not.toContain("http");
    expect(await userRow(email)).toEqual(before);
  });

  it("takes no password, whatever is sent: there is none until somebody has followed the link", async () => {
    const email = newAddress();

    const response = await app.post("/auth/register", { email, password: "a stranger's password" });

    expect(response.status).toBe(202);
    expect((await userRow(email)).password_hash).toBeNull();
  });

  it("makes one user out of twenty registrations of one address at once", async () => {
    const email = newAddress();
    const before = registeredCount();

    const responses = await Promise.all(Array.from({ length: 20 }, () => register(app, email)));

    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202));
    const { rows } = await app.data.query("select count(*)::int as count from users where email = $1", [email]);
    expect(rows).toEqual([{ count: 1 }]);
    expect(registeredCount() - before).toBe(1);
    await mailTo(app, email, 20);
  });

  it("takes one person's spellings of an address for one address", async () => {
    await register(app, "  Grace.Hopper@EXAMPLE.org ");
    await register(app, "grace.hopper@example.org");

    const { rows } = await app.data.query("select count(*)::int as count from users where email like 'grace%'");
    expect(rows).toEqual([{ count: 1 }]);
  });

  it("says what is wrong with which field", async () => {
    const response = await app.post("/auth/register", { email: "not an address" });

    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        code: "FIELDS_INVALID",
        message: expect.any(String),
        fields: { email: ["Enter an e-mail address such as ada@example.org."] },
        requestId: expect.any(String),
      },
    });
  });

  it.each([
    ["a text", '"hello"'],
    ["a list", "[]"],
    ["null", "null"],
    ["half an object", '{"email":'],
    ["nothing", ""],
  ])("answers 400 to %s instead of an object", async (_, body) => {
    const response = await app.post("/auth/register", body);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "BODY_INVALID" } });
  });

  it("answers 415 to what is not JSON", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
      const response = await app.post("/auth/register", "{}", { "content-type": type });

      expect([type, response.status]).toEqual([type, 415]);
      expect(await response.json()).toMatchObject({ error: { code: "CONTENT_TYPE_UNSUPPORTED" } });
    }
  });

  it("answers 413 to more than 16 kB, also when they are compressed to less", async () => {
    const body = JSON.stringify({ email: newAddress(), filler: "x".repeat(17_000) });
    const packed = await new Response(
      new Blob([body]).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer();

    const plain = await app.post("/auth/register", body);
    const compressed = await app.fetch("/auth/register", {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      body: packed,
    });

    expect(plain.status).toBe(413);
    expect(compressed.status).toBe(413);
    expect(await plain.json()).toMatchObject({ error: { code: "BODY_TOO_LARGE" } });
  });

  it("starts links with PUBLIC_URL, whatever the Host header says", async () => {
    const email = newAddress();

    const status = await postAs(new URL("/auth/register", app.url), "evil.example", JSON.stringify({ email }));

    expect(status).toBe(202);
    expect(linkIn(await mailTo(app, email)).origin).toBe("https://accounts.example.org");
  });

  it("answers 404 and 405 in the same shape as every error", async () => {
    const [missing, wrongMethod] = [await app.fetch("/auth/nothing"), await app.fetch("/auth/register")];

    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({
      error: { code: "NOT_FOUND", message: expect.any(String), requestId: expect.any(String) },
    });
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.headers.get("allow")).toBe("POST");
    expect(await wrongMethod.json()).toEqual({
      error: { code: "METHOD_NOT_ALLOWED", message: expect.any(String), requestId: expect.any(String) },
    });
  });

  function registeredCount(): number {
    const isRegistered = (line: LogLine) => line.msg === "committed" && line["eventType"] === "user.registered";
    return app.logLines().filter(isRegistered).length;
  }

  interface UserRow {
    readonly id: string;
    readonly password_hash: string | null;
  }

  async function userRow(email: string): Promise<UserRow> {
    const { rows } = await app.data.query<UserRow>("select * from users where email = $1", [email]);
    const [row] = rows;
    if (row === undefined) throw new Error("There is no such user.");
    return row;
  }

  /** The statements of the one unit of work that runs meanwhile, and how many hashes are made. */
  async function workOf(action: () => Promise<unknown>): Promise<Work> {
    using watch = watchUnits();
    const before = app.hashCount();
    await action();
    expect(watch.units.length).toBe(1);
    return { statements: watch.units[0] ?? [], hashCount: app.hashCount() - before };
  }

  interface Work {
    readonly statements: readonly string[];
    readonly hashCount: number;
  }
});
