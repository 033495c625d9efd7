import { serverUrl } from "@acme/test-postgres";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTestDatabase } from "../src/index.ts";
import setUpJest from "../src/jest.ts";
import setUpVitest from "../src/vitest.ts";
import { ask, countedMigrate, databasesLike } from "./support/ask.ts";

beforeEach(() => void vi.stubEnv("TEST_DATABASE_URL", serverUrl()));
afterEach(() => {
  delete process.env["ACME_TEST_DATABASE_RUN"];
  vi.unstubAllEnvs();
});

const runOf = (name: string) => name.slice(0, name.lastIndexOf("_"));

describe("the set-up of vitest", () => {
  it("gives all tests one server, and leaves no database on it", async () => {
    const tearDown = await setUpVitest();
    // The tests are in other processes, which know no more than this.
    vi.stubEnv("TEST_DATABASE_URL", "postgres://127.0.0.1:1/elsewhere");
    const { migrate } = countedMigrate();

    const [one, other] = [await createTestDatabase({ migrate }), await createTestDatabase({ migrate })];
    await tearDown();

    expect(runOf(one.name)).toBe(runOf(other.name));
    expect(await databasesLike(serverUrl(), runOf(one.name))).toEqual([]);
  });

  it("migrates anew when the tests run again", async () => {
    const reruns: (() => Promise<void>)[] = [];
    const tearDown = await setUpVitest({ onTestsRerun: (callback) => reruns.push(callback) });
    const { migrate, count } = countedMigrate();
    await using before = await createTestDatabase({ migrate, template: "shop" });

    for (const rerun of reruns) await rerun();
    await using after = await createTestDatabase({ migrate, template: "shop" });

    expect([count(), await ask(after.url, "select id from orders")]).toEqual([2, [{ id: 1 }]]);
    await after.drop();
    await before.drop();
    await tearDown();
  });
});

describe("the set-up of Jest", () => {
  it("keeps its server while Jest watches, and migrates anew", async () => {
    const { migrate, count } = countedMigrate();
    await setUpJest();
    await using first = await createTestDatabase({ migrate, template: "shop" });

    await setUpJest();
    await using second = await createTestDatabase({ migrate, template: "shop" });

    expect([count(), runOf(first.name)]).toEqual([2, runOf(second.name)]);
  });
});
