import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, it } from "vitest";
import { portOf } from "../src/http/port-of.ts";
import { createMailer } from "../src/mailer/mailer.ts";
import { newAddress, register } from "./support/people.ts";
import { startTestApp } from "./support/test-app.ts";

/** Reaches this machine, and is no loopback address. */
const elsewhere = "0.0.0.0";

describe("an SMTP server without STARTTLS", () => {
  it.each([
    ["user:topsecret@", ""],
    ["user@", ""],
    ["user:topsecret@", "?requireTLS"],
    ["user:topsecret@", "?requireTLS=true&ignoreTLS=true"],
    ["user:topsecret@", "?opportunisticTLS=true"],
  ])("is told neither password nor mail: smtp://%shost%s", async (credentials, query) => {
    await using server = await startSmtpServer({ disabledCommands: ["STARTTLS"] });

    const sent = send(`smtp://${credentials}${elsewhere}:${server.port}${query}`);

    await expect(sent).rejects.toMatchObject({ name: "MailError", code: "ESTARTTLS" });
    await expect(sent).rejects.toThrow(/offers no STARTTLS/);
    expect(server.heard).toEqual([]);
  });

  it.each([
    ["user:topsecret@", "127.0.0.1", ""],
    ["user:topsecret@", "localhost", ""],
    ["user:topsecret@", elsewhere, "?requireTLS=false"],
    ["user:topsecret@", elsewhere, "?ignoreTLS=true"],
  ])("gets both where SMTP_URL says so, or names this machine: smtp://%s%s%s", async (credentials, host, query) => {
    await using server = await startSmtpServer({ disabledCommands: ["STARTTLS"] });

    await send(`smtp://${credentials}${host}:${server.port}${query}`);

    expect(server.heard).toEqual(["topsecret", "mail"]);
  });

  it("gets the mail where SMTP_URL holds no credentials", async () => {
    await using server = await startSmtpServer({ disabledCommands: ["STARTTLS"], authOptional: true });

    await send(`smtp://${elsewhere}:${server.port}`);

    expect(server.heard).toEqual(["mail"]);
  });

  it("is named where it does not even know EHLO", async () => {
    await using server = await startSmtpServer({ disabledCommands: ["STARTTLS", "EHLO"] });

    await expect(send(`smtp://user:topsecret@${elsewhere}:${server.port}`)).rejects.toMatchObject({
      code: "ESTARTTLS",
    });
    expect(server.heard).toEqual([]);
  });
});

it("an SMTP server that turns the app away at EHLO has refused the mail, whatever TLS it has", async () => {
  await using server = createServer((socket) => {
    socket.on("data", () => socket.end("554 5.7.1 Access denied\r\n")).on("error", () => undefined);
    socket.write("220 mx.example.org ESMTP\r\n");
  });
  await once(server.listen(0, elsewhere), "listening");

  await expect(send(`smtp://user:topsecret@${elsewhere}:${portOf(server)}`)).rejects.toMatchObject({
    code: "EREFUSED",
    responseCode: 554,
  });
});

describe("an SMTP server whose TLS cannot be used", () => {
  it.each([
    ["smtps", true],
    ["smtp", false],
  ])("is named by what OpenSSL says of its certificate: %s", async (protocol, secure) => {
    await using server = await startSmtpServer({ secure });

    const sent = send(`${protocol}://user:topsecret@${elsewhere}:${server.port}`);

    await expect(sent).rejects.toMatchObject({ name: "MailError", code: "ECERTIFICATE" });
    await expect(sent).rejects.toThrow(/certificate .* cannot be trusted\..* Its code is CERT_HAS_EXPIRED\.$/);
    expect(server.heard).toEqual([]);
  });

  it("is told apart from one that speaks no TLS at once", async () => {
    await using server = await startSmtpServer({ secure: false });

    const sent = send(`smtps://user:topsecret@${elsewhere}:${server.port}`);

    await expect(sent).rejects.toMatchObject({ name: "MailError", code: "ETLS" });
    await expect(sent).rejects.toThrow(/TLS handshake .* smtps: is for one that speaks TLS at once/);
  });

  it.each([
    ["ECERTIFICATE", {}],
    ["ESTARTTLS", { disabledCommands: ["STARTTLS"] }],
  ])("is asked again after a minute, since it can be mended meanwhile: %s", async (code, options) => {
    await using server = await startSmtpServer(options);
    const smtpUrl = `smtp://user:topsecret@${elsewhere}:${server.port}`;
    await using app = await startTestApp({ settings: { SMTP_URL: smtpUrl } });
    const address = newAddress();

    await register(app, address);

    const failure = () => app.logLines().find(({ msg }) => msg.startsWith("job failed"));
    await expect
      .poll(failure, { timeout: 10_000 })
      .toMatchObject({ msg: "job failed; it will be tried again", err: { type: "MailError", code }, attempt: 1 });
    expect(app.logText()).not.toMatch(new RegExp(`topsecret|${address}`));
  });
});

/** An SMTP server with the certificate of no authority, that keeps what it is told. */
async function startSmtpServer(options: SMTPServerOptions) {
  const heard: string[] = [];
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    onAuth: ({ password, username }, _session, reply) => {
      heard.push(password ?? "");
      reply(null, { user: username });
    },
    onData: (stream, _session, reply) => {
      heard.push("mail");
      void text(stream).then(() => reply());
    },
    ...options,
  });
  // A client that turns away from its certificate.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  return {
    heard,
    port: portOf(server.server),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function send(smtpUrl: string): Promise<void> {
  const mailer = createMailer({ smtpUrl, from: "no-reply@example.org", publicUrl: new URL("https://example.org") });
  const mail = { to: "ada@example.org", subject: "s", text: "t", html: "h" };
  try {
    await mailer.send(mail, { messageKey: "1", signal: new AbortController().signal });
  } finally {
    mailer.close();
  }
}
