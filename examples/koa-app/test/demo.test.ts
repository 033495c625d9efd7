import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createNarrator, NotSeenError } from "../src/demo/narrator.ts";

describe("the demo", { timeout: 120_000 }, () => {
  it("sees all it promises, and ends with 0", async () => {
    const path = fileURLToPath(new URL("../src/demo.ts", import.meta.url));

    const { stdout } = await promisify(execFile)(process.execPath, [path], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });

    expect(stdout).toContain("UserRegistered was published, after the COMMIT was confirmed");
    expect(stdout).toContain("killed with kill -9");
    expect(stdout).toContain("it has found the job, and the mail has arrived");
    expect(stdout).toMatch(/\nAll of it was seen\.\n$/);
  });

  it("fails with what it did not see", async () => {
    const { see, check } = createNarrator(() => undefined);
    const never = new Promise(() => undefined);

    await expect(see("the mail has arrived", never, { withinMs: 1 })).rejects.toThrow(NotSeenError);
    await expect(see("the mail has arrived", never, { withinMs: 1 })).rejects.toThrow(
      "the mail has arrived (waited 0.001 s)",
    );
    expect(() => check("the link works once", false)).toThrow("did not see this:\n  the link works once");
  });
});
