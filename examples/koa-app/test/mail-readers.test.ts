import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { portOf } from "../src/http/port-of.ts";
import { mailTo, newAddress, register } from "./support/people.ts";
import { sendRaw } from "./support/send-raw.ts";
import { startTestApp, type TestApp, type TestAppOptions } from "./support/test-app.ts";

describe("the caught mails", () => {
  it("are shown to nobody who comes from another machine, under whatever name", async () => {
    await using scene = await startWithMail();

    for (const address of ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "10.0.0.1", "172.17.0.1", undefined]) {
      await using server = await listenAs(scene.app, address);
      for (const path of scene.paths) {
        expect(await ask(server.url, path)).toMatch(/^HTTP\/1\.1 403 [^]*"code":"READER_FOREIGN"/);
      }
      expect(await ask(server.url, "/")).not.toContain(scene.email);
    }
  });

  it("are shown to this machine, however its address is written", async () => {
    await using scene = await startWithMail();

    for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) {
      await using server = await listenAs(scene.app, address);
      for (const path of scene.paths) expect(await ask(server.url, path)).toMatch(/^HTTP\/1\.1 200 /);
      expect(await ask(server.url, "/")).toContain(scene.email);
    }
  });

  it("are not shown through a proxy on this machine", async () => {
    await using scene = await startWithMail();
    const { url } = scene.app;

    const others = ["X-Forwarded-Proto: https", "X-Forwarded-Host: a", "CF-Connecting-IP: ::2"];
    for (const header of [
      "X-Forwarded-For: 192.0.2.1",
      "Forwarded: for=192.0.2.1",
      "Via: 1.1 a",
      "X-Real-IP: ::2",
      ...others,
    ]) {
      for (const path of scene.paths) expect(await ask(url, path, header)).toMatch(/^HTTP\/1\.1 403 /);
      expect(await ask(url, "/", header)).not.toContain(scene.email);
    }
  });

  it("are not shown where TRUST_PROXY says that there is a proxy, whatever headers it leaves out", async () => {
    await using scene = await startWithMail({ settings: { TRUST_PROXY: "1" } });

    for (const path of scene.paths) expect(await ask(scene.app.url, path)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await ask(scene.app.url, "/")).not.toContain(scene.email);
  });
});

async function startWithMail(options: TestAppOptions = {}) {
  const app = await startTestApp(options);
  const email = newAddress();
  await register(app, email);
  const { id } = await mailTo(app, email);
  return { app, email, paths: ["/mails", `/mails/${id}`], [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** The same app, to whom every connection seems to come from that address: this machine has no other to come from. */
async function listenAs({ composition }: TestApp, remoteAddress: string | undefined) {
  const answer = composition.app.callback();
  const server = createServer((request, response) => void answer(request, response));
  server.prependListener("connection", (socket) =>
    Object.defineProperty(socket, "remoteAddress", { value: remoteAddress }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
}

async function ask(url: string, path: string, ...headers: string[]): Promise<string> {
  return await sendRaw(url, [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers]);
}
