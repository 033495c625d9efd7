import { describeOrdersApp } from "@acme/example-suite";
import { runChild } from "@acme/test-postgres";

// What `next build` has made, served as in production.
const next = new URL("../node_modules/next/dist/bin/next", import.meta.url);
const worker = new URL("../src/worker.ts", import.meta.url);

describeOrdersApp("Next.js", {
  startServer: (env) =>
    runChild(next, { env: { ...env, NEXT_TELEMETRY_DISABLED: "1" }, args: ["start", "--hostname", "127.0.0.1"] }),
  startWorker: (env) => runChild(worker, { env }),
});
