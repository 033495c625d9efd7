import { describe, expect, it } from "vitest";
import { loadConfig } from "../src/config.ts";

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
    [{ MAIL_FROM: "Eve\r\nBcc: all@example.org" }, "MAIL_FROM"],
    [{ LIMIT_CLIENT_COUNT: "0" }, "LIMIT_CLIENT_COUNT"],
    [{ LIMIT_SECRET: "too short" }, "LIMIT_SECRET"],
  ])("refuses %o by the name of the variable", (environment, name) => {
    expect(() => loadConfig(environment)).toThrow(new RegExp(`^The settings cannot be used:\\n  ${name}: [^\\n]+$`));
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
