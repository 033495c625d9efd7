import { describe, expect, it } from "vitest";
import { TooBusyError } from "../src/passwords/gate.ts";
import { mailTo, newAddress, register, tokenIn, verify } from "./support/people.ts";
import { startTestApp } from "./support/test-app.ts";

describe("too many passwords at once", () => {
  it("are answered with 503 and Retry-After, and use up neither the link nor the mails of the address", async () => {
    let isBusy = true;
    await using app = await startTestApp({
      settings: { LIMIT_ADDRESS_COUNT: "2" },
      beforeHash: () => {
        if (isBusy) throw new TooBusyError("Too many passwords are waiting.");
      },
    });
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    const refused = await verify(app, token);
    isBusy = false;

    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect((await register(app, email)).status).toBe(202);
    expect((await verify(app, token)).status).toBe(200);
  });

  it("are expected: they are counted in few warnings, and are no errors", async () => {
    await using app = await startTestApp({
      beforeHash: () => {
        throw new TooBusyError("Too many passwords are waiting.");
      },
    });
    const email = newAddress();
    await register(app, email);
    const token = tokenIn(await mailTo(app, email));

    await Promise.all(Array.from({ length: 20 }, () => verify(app, token)));
    await app.composition.close();

    const lines = app.logLines().filter(({ level }) => level === "warn" || level === "error");
    expect(lines).toMatchObject([
      { level: "warn", msg: "too busy: requests were refused", route: "/auth/verify-email", count: 1 },
      { level: "warn", msg: "too busy: requests were refused", route: "/auth/verify-email", count: 19 },
    ]);
    expect(lines[0]).not.toHaveProperty("err");
  });
});
