import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mailTo, newAddress, register } from "./support/people.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The log lines in which somebody who searches for this text finds it. */
function grep(app: TestApp, text: string): string[] {
  return app
    .logText()
    .split("\n")
    .filter((line) => line.includes(text))
    .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
}

describe("the id of a request", () => {
  it.each(["one", "two"] as const)("finds the whole story of a registration, with databases: %s", async (databases) => {
    await using app = await startTestApp({ databases });
    const email = newAddress();

    const response = await register(app, email);
    await mailTo(app, email);

    const id = response.headers.get("x-request-id") ?? "";
    expect(id).toMatch(uuidV7);
    await expect.poll(() => grep(app, id)).toContain("job done");
    const told = grep(app, id);
    expect(told.filter((message) => message !== "handler ran").toSorted()).toEqual([
      "committed",
      "job done",
      "mail sent",
      "request",
    ]);
    expect(told.indexOf("mail sent")).toBeLessThan(told.indexOf("job done"));
    const [mail] = app.logLines().filter(({ msg }) => msg === "mail sent");
    expect(mail).toMatchObject({
      requestId: id,
      task: "send_verification_email",
      attempt: 1,
      id: expect.any(String),
      eventType: "user.registered",
      eventId: expect.any(String),
    });
  });

  it("is the one that came with the request, if it fits", async () => {
    await using app = await startTestApp();
    const email = newAddress();

    const response = await app.post("/auth/register", { email }, { "x-request-id": "proxy-1.A_b" });
    await mailTo(app, email);

    expect(response.headers.get("x-request-id")).toBe("proxy-1.A_b");
    await expect.poll(() => grep(app, '"requestId":"proxy-1.A_b"')).toContain("job done");
  });

  describe("that does not fit", () => {
    let app: TestApp;
    beforeAll(async () => {
      app = await startTestApp();
    });
    afterAll(() => app[Symbol.asyncDispose]());

    it.each(["", "a b", "a:b", "a/b", '"', "{}", "x".repeat(65), "ada@example.org"])(
      "is a new one instead of %j, which is in no answer and no log line",
      async (given) => {
        const response = await app.fetch("/nowhere", { headers: { "x-request-id": given } });

        const id = response.headers.get("x-request-id") ?? "";
        expect(id).toMatch(uuidV7);
        expect(grep(app, id)).toEqual(["request"]);
        expect(app.logText()).not.toContain(JSON.stringify(given));
      },
    );
  });

  it("is in each error, as JSON and on the page, and in the line about it", async () => {
    await using app = await startTestApp();
    await app.data.query("alter table users rename to gone");
    const post = (headers: Record<string, string>) => app.post("/auth/register", { email: newAddress() }, headers);

    const json = await post({});
    const page = await post({ accept: "text/html" });

    expect([json.status, page.status]).toEqual([500, 500]);
    expect(await json.json()).toMatchObject({ error: { requestId: json.headers.get("x-request-id") } });
    const id = page.headers.get("x-request-id") ?? "";
    expect(await page.text()).toContain(`<code>${id}</code>`);
    expect(grep(app, id)).toEqual(["request failed", "request"]);
  });
});
