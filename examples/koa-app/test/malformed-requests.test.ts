import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendRaw } from "./support/send-raw.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

describe("a request that no client sends", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it.each(["GET http://[::1/", "POST http://[::1/auth/register", "GET http://a:b:c/", "GET http://"])(
    "is answered with 400 and no error in the log: %s",
    async (start) => {
      const answer = await sendRaw(app.url, [`${start} HTTP/1.1`, "Host: localhost"]);

      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"TARGET_INVALID"');
      expect(app.logLines().filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
      expect(app.logLines()).toContainEqual(expect.objectContaining({ msg: "request", route: "(none)", status: 400 }));
    },
  );

  it("does not fill the log when it breaks off in the middle", async () => {
    await using own = await startTestApp();
    const broken = ["POST /auth/register HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"];
    const head = [...broken, "Content-Type: application/json", "", "this is no size of a chunk"];

    for (let index = 0; index < 20; index += 1) await sendRaw(own.url, head);
    await own.composition.close();

    const lines = own.logLines().filter(({ level }) => level === "error" || level === "warn");
    expect(lines).toMatchObject([
      { level: "warn", msg: "requests broke", count: 1 },
      { level: "warn", msg: "requests broke", count: 19 },
    ]);
  });

  it("does not disturb the absolute targets that proxies send", async () => {
    const answer = await sendRaw(app.url, [`GET ${app.url}/health/live HTTP/1.1`, "Host: localhost"]);

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});
