import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cliPath } from "./run-cli.ts";

/** A folder with a configuration file. */
export interface Configuration extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Writes an `acme-jobs.config.mjs` with the task `sendReceipt`, whose payload has an `orderId`, and which runs `body`.
 *
 * @param worker - Options of the worker, as the text of an object.
 */
export async function writeConfiguration(body = "", worker = "{}"): Promise<Configuration> {
  const folder = await mkdtemp(join(tmpdir(), "acme-jobs-"));
  const built = new URL("index.js", `file://${cliPath}`).href;
  await writeFile(
    join(folder, "acme-jobs.config.mjs"),
    `import { defineConfig, defineTask, perform, retry } from ${JSON.stringify(built)};
     const payload = { "~standard": { version: 1, vendor: "test", validate: (value) =>
       typeof value?.orderId === "string" ? { value } : { issues: [{ message: "orderId is no text", path: ["orderId"] }] } } };
     const sendReceipt = defineTask("sendReceipt", { payload, retry: retry.never });
     export default defineConfig({
       tasks: [perform(sendReceipt, async (payload, context) => { ${body} })],
       worker: { heartbeatMs: 100, deadAfterMs: 500, ...${worker} },
     });`,
  );
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
