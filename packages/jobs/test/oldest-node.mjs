// The built package on whichever Node runs this, without anything else: it works, or it says at once which Node it needs.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { it } from "node:test";
import * as esm from "../dist/index.js";
import * as testing from "../dist/testing.js";

const require = createRequire(import.meta.url);
const [major, minor] = process.versions.node.split(".").map(Number);
const isSupported = major > 22 || (major === 22 && minor >= 18);
const connection = "postgres://127.0.0.1:1/none";
const unsupported = { name: "JobsError", code: "NODE_UNSUPPORTED" };

for (const [format, { createJobs }] of [
  ["ESM", esm],
  ["CJS", require("../dist/index.cjs")],
]) {
  void it(`makes jobs, or refuses and names the Node it needs (${format})`, async () => {
    if (!isSupported) return assert.throws(() => createJobs({ connection }), unsupported);
    await createJobs({ connection }).close();
  });
}

void it("performs a task in a test, or refuses and names the Node it needs", async () => {
  const anything = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
  const double = esm.perform(esm.defineTask("double", { payload: anything }), ({ n }) => Promise.resolve(n * 2));
  const performed = testing.performTask(double, { n: 21 });

  if (!isSupported) return assert.rejects(performed, unsupported);
  assert.equal(await performed, 42);
});
