import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("the README shows the event map of the app as it is", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const script = fileURLToPath(new URL("../src/event-map.ts", import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [script]);

  expect(stdout).toContain("send_verification_email");
  expect(readme).toContain(`\`\`\`mermaid\n${stdout}\`\`\``);
});
