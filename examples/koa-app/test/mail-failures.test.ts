import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { portOf } from "../src/http/port-of.ts";
import { createMailer } from "../src/mailer/mailer.ts";
import { newAddress, mailTo, register } from "./support/people.ts";
import { startTestApp, type LogLine, type TestApp } from "./support/test-app.ts";

describe("a mail that is not taken", () => {
  it.each([421, 451, 452])("is tried again after a minute when the SMTP server answers %i", async (responseCode) => {
    await using app = await startTestApp({ beforeReply: () => refuse(responseCode) });

    await register(app, newAddress());

    const failure = await failureOf(app);
    expect(failure).toMatchObject({
      msg: "job failed; it will be tried again",
      err: { type: "MailError" },
      attempt: 1,
    });
    expect(failure["delayMs"]).toBeGreaterThanOrEqual(60_000);
    expect(failure["delayMs"]).toBeLessThanOrEqual(66_000);
  });

  it.each([500, 550, 554])("is given up at once when the SMTP server answers %i", async (responseCode) => {
    await using app = await startTestApp({ beforeReply: () => refuse(responseCode) });

    await register(app, newAddress());

    expect(await failureOf(app)).toMatchObject({ msg: "job failed for good; it is a dead letter now", attempt: 1 });
    await expect
      .poll(async () => (await app.jobs.query("select task from acme_jobs.dead_letters")).rows)
      .toEqual([{ task: "send_verification_email" }]);
  });

  it("is tried again when no SMTP server is there", async () => {
    await using app = await startTestApp({ settings: { SMTP_URL: "smtp://127.0.0.1:1" } });

    await register(app, newAddress());

    expect(await failureOf(app)).toMatchObject({
      msg: "job failed; it will be tried again",
      err: { type: "MailError", code: "ECONNREFUSED" },
    });
  });

  it("is tried again when something else answers in the place of the SMTP server", async () => {
    const balancer = createServer((socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
    balancer.listen(0, "127.0.0.1");
    await once(balancer, "listening");
    await using app = await startTestApp({ settings: { SMTP_URL: `smtp://127.0.0.1:${portOf(balancer)}` } });

    await register(app, newAddress());

    expect(await failureOf(app)).toMatchObject({
      msg: "job failed; it will be tried again",
      err: { type: "MailError", code: "ECONNABORTED" },
    });
    balancer.close();
  });

  it("is tried again when the name of the SMTP server cannot be resolved", async () => {
    await using app = await startTestApp({ settings: { SMTP_URL: "smtp://mail.invalid:25" } });

    await register(app, newAddress());

    expect(await failureOf(app)).toMatchObject({ msg: "job failed; it will be tried again" });
  });

  it("is tried again when the SMTP server takes the connection and never says a word", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    await using app = await startTestApp({ settings: { SMTP_URL: `smtp://127.0.0.1:${portOf(server)}` } });

    await register(app, newAddress());

    expect(await failureOf(app, 18_000)).toMatchObject({
      msg: "job failed; it will be tried again",
      err: { type: "MailError", code: "ETIMEDOUT" },
    });
    server.close();
  });

  it("leaves no connection behind where the SMTP server drips its answer, and the time of the job is over", async () => {
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      const drip = setInterval(() => socket.write("2"), 50);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          clearInterval(drip);
          open.delete(socket);
        });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const mailer = createMailer({
      smtpUrl: `smtp://127.0.0.1:${portOf(server)}`,
      from: "no-reply@example.org",
      publicUrl: new URL("https://example.org"),
    });
    const timeLimit = new AbortController();
    const mail = { to: "ada@example.org", subject: "s", text: "t", html: "h" };

    const sending = mailer.send(mail, { messageKey: "1", signal: timeLimit.signal }).catch((error: unknown) => error);
    await expect.poll(() => open.size).toBe(1);
    timeLimit.abort(new Error("30 s"));
    expect(await sending).toMatchObject({ message: "30 s" });

    await expect.poll(() => open.size, { timeout: 6_000 }).toBe(0);
    server.close();
  });

  it("holds up no other while the SMTP server is slow: ten are sent at a time", async () => {
    const arrivals = Promise.withResolvers<void>();
    let heldCount = 0;
    await using app = await startTestApp({
      beforeReply: () => {
        heldCount += 1;
        if (heldCount === 10) arrivals.resolve();
        return arrivals.promise;
      },
    });
    const addresses = Array.from({ length: 10 }, newAddress);

    for (const email of addresses) await register(app, email);

    for (const email of addresses) await mailTo(app, email);
    expect(app.logLines().filter(({ msg }) => msg.startsWith("job failed"))).toEqual([]);
  });

  it("keeps nobody waiting who asks again: that mail does not wait for the retry of the first", async () => {
    let isAway = true;
    await using app = await startTestApp({ beforeReply: () => (isAway ? refuse(451) : undefined) });
    const email = newAddress();
    await register(app, email);
    expect((await failureOf(app))["delayMs"]).toBeGreaterThanOrEqual(60_000);
    isAway = false;

    await app.post("/auth/resend-verification", { email });

    await mailTo(app, email);
  });

  it("arrives in the end, with a token of its own and the Message-ID of the first attempt", async () => {
    const seen: { messageId: string; text: string }[] = [];
    await using app = await startTestApp({
      beforeReply: (mail) => {
        seen.push(mail);
        if (seen.length === 1) refuse(451);
      },
    });
    const email = newAddress();
    await register(app, email);
    await failureOf(app);

    await expect.poll(() => makeDue(app)).toBe(1);

    await mailTo(app, email);
    expect(seen.length).toBe(2);
    expect(seen[1]?.messageId).toBe(seen[0]?.messageId);
    expect(seen[1]?.text).not.toBe(seen[0]?.text);
  });
});

function refuse(responseCode: number): never {
  throw Object.assign(new Error("Not now, ada@example.org"), { responseCode });
}

async function failureOf(app: TestApp, withinMs = 10_000): Promise<LogLine> {
  const find = () => app.logLines().find(({ msg }) => msg.startsWith("job failed"));
  await expect.poll(find, { timeout: withinMs }).toBeDefined();
  const line = find();
  if (line === undefined) throw new Error("The line is gone.");
  return line;
}

/** Moves the retry to now, once it has been settled, instead of waiting for it. */
async function makeDue(app: TestApp): Promise<number> {
  const { rows } = await app.jobs.query(
    `select graphile_worker.reschedule_jobs(array_agg(id), run_at => now()) from graphile_worker.jobs
     where locked_at is null and run_at > now() + interval '30 s'`,
  );
  return rows.filter((row) => row.reschedule_jobs !== null).length;
}
