import { describe, expect, it } from "vitest";
import { loadConfig, settingNames } from "../src/config.ts";

describe("loadConfig", () => {
  it("needs nothing set", () => {
    expect(loadConfig({})).toMatchObject({
      databaseUrl: undefined,
      jobQueueEnabled: true,
      host: "127.0.0.1",
      port: 3000,
      trustedProxyCount: 0,
      mailFrom: "no-reply@localhost",
    });
    expect(loadConfig({}).publicUrl.href).toBe("http://localhost:3000/");
  });

  it("takes an empty variable for an unset one, as env files write them", () => {
    expect(loadConfig({ PORT: "", SMTP_URL: "", PUBLIC_URL: "" })).toEqual(loadConfig({}));
  });

  it.each(settingNames)("takes a blank %s for an unset one: a blank HOST would listen on every address", (name) => {
    expect(loadConfig({ [name]: " \t" })).toEqual(loadConfig({}));
  });

  it.each([
    ["true", 1],
    ["false", 0],
    ["2", 2],
    ["0", 0],
    ["1", 1],
  ])("reads TRUST_PROXY=%s as %i proxies", (text, count) => {
    expect(loadConfig({ TRUST_PROXY: text }).trustedProxyCount).toBe(count);
  });

  it.each([
    [{ PORT: "65536" }, "PORT"],
    [{ PORT: "3000.5" }, "PORT"],
    [{ JOB_QUEUE_ENABLED: "maybe" }, "JOB_QUEUE_ENABLED"],
    [{ TRUST_PROXY: "loopback" }, "TRUST_PROXY"],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL"],
    [{ JOB_QUEUE_DATABASE_URL: "localhost/jobs" }, "JOB_QUEUE_DATABASE_URL"],
    [{ PUBLIC_URL: "https://example.org/app" }, "PUBLIC_URL"],
    [{ PUBLIC_URL: "https://user:secret@example.org" }, "PUBLIC_URL"],
    [{ PUBLIC_URL: "http://[::1]:3000" }, "MAIL_FROM"],
    [{ PUBLIC_URL: "https://accounts.example.org." }, "MAIL_FROM"],
    [{ PUBLIC_URL: "http://my_host:3000" }, "MAIL_FROM"],
    [{ MAIL_FROM: "Acme <no-reply@my_host>" }, "MAIL_FROM"],
    [{ MAIL_FROM: "Eve\r\nBcc: all@example.org" }, "MAIL_FROM"],
    [{ MAIL_FROM: "Acme <no-reply@>" }, "MAIL_FROM"],
    [{ MAIL_FROM: "no-reply@example..org" }, "MAIL_FROM"],
    [{ MAIL_FROM: "a@example.org, b@example.org" }, "MAIL_FROM"],
    [{ MAIL_FROM: "Acme: a@example.org;" }, "MAIL_FROM"],
    [{ SMTP_URL: "smtp://" }, "SMTP_URL"],
    [{ SMTP_URL: "smtp:mail.example.org" }, "SMTP_URL"],
    [{ SMTP_URL: "smtp://u:p%zz@mail.example.org" }, "SMTP_URL"],
    [{ SMTP_URL: "smtp://u%:p@mail.example.org" }, "SMTP_URL"],
    [{ JOB_QUEUE_DATABASE_URL: "postgres://u:p%zz@localhost/jobs" }, "JOB_QUEUE_DATABASE_URL"],
    [{ LIMIT_CLIENT_COUNT: "0" }, "LIMIT_CLIENT_COUNT"],
    [{ LIMIT_SECRET: "too short" }, "LIMIT_SECRET"],
  ])("refuses %o by the name of the variable", (environment, name) => {
    expect(() => loadConfig(environment)).toThrow(new RegExp(`^The settings cannot be used:\\n  ${name}: [^\\n]+$`));
  });

  it.each([
    "no-reply@example.org",
    "Acme <no-reply@example.org>",
    '"Acme, Inc." <no-reply@localhost>',
    "no-reply@[192.0.2.1]",
    "no-reply@bücher.example",
  ])("takes %s for a sender", (mailFrom) => {
    expect(loadConfig({ MAIL_FROM: mailFrom }).mailFrom).toBe(mailFrom);
  });

  it.each(["smtp://mail.example.org", "smtps://u:p%25@mail.example.org:465", "smtp://[::1]:25"])(
    "takes %s for an SMTP server",
    (smtpUrl) => {
      expect(loadConfig({ SMTP_URL: smtpUrl }).smtpUrl).toBe(smtpUrl);
    },
  );

  it("takes a database on a Unix socket, whose URL names no host", () => {
    const url = "postgres:///jobs?host=/var/run/postgresql";

    expect(loadConfig({ JOB_QUEUE_DATABASE_URL: url }).jobQueueDatabaseUrl).toBe(url);
  });

  it("wants an SMTP server of those who bring their own database", () => {
    expect(() => loadConfig({ DATABASE_URL: "postgres://localhost/app" })).toThrow(
      /SMTP_URL: is needed once DATABASE_URL/,
    );
  });

  it("repeats no value, since a connection string holds a password", () => {
    expect(() => loadConfig({ DATABASE_URL: "mysql://app:secret@localhost/app" })).not.toThrow(/secret/);
  });
});
