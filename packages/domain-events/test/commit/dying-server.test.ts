import { runChild } from "@acme/test-postgres";
import { expect, it } from "vitest";

it("a backend that ends in the moment it is connected to rejects the unit, and the process lives", async () => {
  await using child = runChild(new URL("../children/dying-server.child.ts", import.meta.url));

  const { exitCode } = await child.ended;

  expect(child.stderr()).toBe("");
  expect(exitCode).toBe(0);
});
