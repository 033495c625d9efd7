import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkNodeVersion, oldestNode } from "../src/node-version.ts";

it.each(["22.18.0", "22.23.1", "23.0.0", "24.0.0", "26.10.0"])("runs on Node %s", (version) => {
  expect(() => checkNodeVersion(version)).not.toThrow();
});

it.each(["18.20.8", "20.19.0", "20.20.2", "21.99.0", "22.0.0", "22.9.0", "22.17.1"])(
  "refuses Node %s, and says which one to install",
  (version) => {
    expect(() => checkNodeVersion(version)).toThrow(
      expect.objectContaining({
        code: "NODE_UNSUPPORTED",
        message: expect.stringMatching(`Node ${version}, .* Node 22\\.18 or newer`) as string,
      }) as Error,
    );
  },
);

it("checks for the same version of Node as its package.json", async () => {
  const { engines } = JSON.parse(await readFile(join(import.meta.dirname, "../package.json"), "utf8")) as {
    engines: { node: string };
  };

  expect(engines.node).toBe(`>=${oldestNode.major}.${oldestNode.minor}`);
});
