import { describe, expect, it } from "vitest";
import { createGate, TooBusyError } from "../src/passwords/gate.ts";
import { createPasswordHasher } from "../src/passwords/password-hasher.ts";

describe("the password hasher", () => {
  it("hashes with the parameters OWASP recommends, each time with another salt", async () => {
    const hasher = createPasswordHasher();

    const [first, second] = [await hasher.hash("correct horse"), await hasher.hash("correct horse")];

    expect(first).toMatch(/^\$(?:argon2id\$v=19\$m=19456,t=2,p=1|scrypt\$ln=15,r=8,p=3)\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(second).not.toBe(first);
    expect(await hasher.matches("correct horse", first)).toBe(true);
    expect(await hasher.matches("correct horsf", first)).toBe(false);
    expect(await hasher.matches("correct horse", "plain")).toBe(false);
  });

  it("knows hashes that a Node without argon2 has made", async () => {
    const hash = "$scrypt$ln=15,r=8,p=3$c2FsdHNhbHRzYWx0c2FsdA$/wheKUqkHmhVJTEgHxYSH9NP99bk5+aEC0b6lq/z87c";

    expect(await createPasswordHasher().matches("correct horse", hash)).toBe(true);
  });
});

describe("the gate", () => {
  it("lets no more through at a time than it may, and all in their order", async () => {
    const gate = createGate({ concurrency: 2, maxWaitingCount: 10 });
    const order: number[] = [];
    let [runningCount, mostRunning] = [0, 0];
    const work = (number: number) =>
      gate(async () => {
        order.push(number);
        mostRunning = Math.max(mostRunning, ++runningCount);
        await new Promise((resolve) => setImmediate(resolve));
        runningCount -= 1;
      });

    await Promise.all([1, 2, 3, 4, 5, 6].map(work));

    expect(mostRunning).toBe(2);
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("refuses what would wait behind too many, and takes work again later", async () => {
    const gate = createGate({ concurrency: 1, maxWaitingCount: 1 });
    const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>();
    const running = gate(() => blocked);
    const waiting = gate(async () => "waited");

    await expect(gate(async () => "refused")).rejects.toThrow(TooBusyError);
    unblock();

    await running;
    expect(await waiting).toBe("waited");
    expect(await gate(async () => "taken")).toBe("taken");
  });

  it("goes on after work that failed", async () => {
    const gate = createGate({ concurrency: 1, maxWaitingCount: 1 });

    await expect(gate(() => Promise.reject(new Error("no")))).rejects.toThrow("no");

    expect(await gate(async () => "yes")).toBe("yes");
  });
});
