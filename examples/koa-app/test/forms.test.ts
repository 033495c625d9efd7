import { describe, expect, it } from "vitest";
import { becomeVerified, newAddress, register } from "./support/people.ts";
import { startTestApp } from "./support/test-app.ts";

describe("the forms", () => {
  it("are answered alike for a new, an unverified and a verified address", async () => {
    await using app = await startTestApp();
    const [unverified, verified] = [newAddress(), newAddress()];
    await register(app, unverified);
    await becomeVerified(app, verified);

    for (const form of ["register", "resend"]) {
      const answers = [];
      for (const email of [newAddress(), unverified, verified]) {
        const body = new URLSearchParams({ email });
        const response = await app.fetch(`/${form}`, { method: "POST", body, redirect: "manual" });
        const { status, headers } = response;
        answers.push({ status, location: headers.get("location"), body: await response.text() });
      }

      expect(answers[0]).toMatchObject({ status: 303, location: `/?sent=${form}` });
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    }
  });

  it("lead to the page when their address is opened", async () => {
    await using app = await startTestApp({ showsMails: false });

    for (const path of ["/register", "/resend"]) {
      const response = await app.fetch(path);

      expect(response.status).toBe(200);
      expect(response.url).toBe(`${app.url}/`);
    }
  });
});

describe("a page from elsewhere", () => {
  it.each(["/register", "/resend", "/auth/verify-email", "/auth/register", "/auth/resend-verification"])(
    "can send nothing in the name of its visitor, and spends no limit: %s",
    async (path) => {
      await using app = await startTestApp({ settings: { LIMIT_CLIENT_COUNT: "3" } });
      const send = (site: string) => {
        const headers = { "sec-fetch-site": site, accept: "application/json" };
        return app.fetch(path, { method: "POST", body: new URLSearchParams({ email: "x" }), headers });
      };

      const foreign = [await send("cross-site"), await send("same-site"), await send("cross-site")];
      const own = [await send("same-origin"), await send("none"), await app.postForm(path, { email: "x" })];

      expect(foreign.map(({ status }) => status)).toEqual([403, 403, 403]);
      expect(await foreign[0]?.json()).toMatchObject({ error: { code: "PAGE_FOREIGN" } });
      for (const { status } of own) expect([400, 410, 415]).toContain(status);
    },
  );
});
