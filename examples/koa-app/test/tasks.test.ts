import { performTask } from "@acme/jobs/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMailer, type Mailer } from "../src/mailer/mailer.ts";
import { performSendAlreadyRegisteredEmail } from "../src/tasks/send-already-registered-email.ts";
import { performSendVerificationEmail } from "../src/tasks/send-verification-email.ts";
import { becomeVerified, mailTo, newAddress, register } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

const publicUrl = new URL("https://accounts.example.org");

describe("the tasks", () => {
  let app: TestApp;
  let mailer: Mailer;
  beforeAll(async () => {
    app = await startTestApp();
    mailer = createMailer({ smtpUrl: app.catcher.smtpUrl, from: "no-reply@example.org", publicUrl });
  });
  afterAll(async () => {
    mailer.close();
    await app[Symbol.asyncDispose]();
  });

  it("send no verification mail to somebody who is verified by now", async () => {
    const email = newAddress();
    await becomeVerified(app, email);

    await performTask(sendVerification(), { userId: await idOf(email) });

    expect(app.mailsTo(email).length).toBe(1);
    expect(await tokenCount(email)).toBe(0);
  });

  it("do nothing for somebody who is gone", async () => {
    const userId = crypto.randomUUID();
    const before = app.catcher.mails().length;

    await performTask(sendVerification(), { userId });
    await performTask(performSendAlreadyRegisteredEmail({ knex: app.composition.database.knex, mailer }), { userId });

    expect(app.catcher.mails().length).toBe(before);
  });

  it("make a new token for every attempt, and clear away expired ones", async () => {
    const email = newAddress();
    await register(app, email);
    await mailTo(app, email);
    const userId = await idOf(email);

    await performTask(sendVerification(), { userId }, { attempt: 2 });
    expect(await tokenCount(email)).toBe(2);
    await app.data.query("update verification_tokens set expires_at = now() where user_id = $1", [userId]);
    await performTask(sendVerification(), { userId }, { attempt: 3 });

    expect(await tokenCount(email)).toBe(1);
  });

  it("let tokens live for a day", async () => {
    const email = newAddress();
    await register(app, email);
    await mailTo(app, email);

    const { rows } = await app.data.query(
      `select extract(epoch from expires_at - now())::int as seconds from verification_tokens where user_id = $1`,
      [await idOf(email)],
    );

    expect(rows[0].seconds).toBeGreaterThan(86_400 - 60);
    expect(rows[0].seconds).toBeLessThanOrEqual(86_400);
  });

  it("give up at once when the worker tells them to", async () => {
    const email = newAddress();
    await register(app, email);
    await mailTo(app, email);
    const stopped = AbortSignal.abort(new Error("The worker stops."));

    const attempt = performTask(sendVerification(), { userId: await idOf(email) }, { signal: stopped });

    await expect(attempt).rejects.toThrow("The worker stops.");
    expect(app.mailsTo(email).length).toBe(1);
  });

  function sendVerification() {
    return performSendVerificationEmail({ knex: app.composition.database.knex, mailer, publicUrl });
  }

  async function idOf(email: string): Promise<string> {
    const { rows } = await app.data.query("select id from users where email = $1", [email]);
    return rows[0].id;
  }

  async function tokenCount(email: string): Promise<number> {
    const { rows } = await app.data.query(
      "select count(*)::int as count from verification_tokens join users on users.id = user_id where email = $1",
      [email],
    );
    return rows[0].count;
  }
});
