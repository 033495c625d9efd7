import { runChild } from "@acme/test-postgres";
import { describeOrdersApp } from "../src/describe-orders-app.ts";

const worker = new URL("../../../examples/next-app/src/worker.ts", import.meta.url);

// Without Next, which is large: its route handlers are functions from request to response. `npm run example:next` has Next.
describeOrdersApp("Next.js, its route handlers by themselves,", {
  startServer: (env) => runChild(new URL("serve-routes.child.ts", import.meta.url), { env }),
  startWorker: (env) => runChild(worker, { env }),
});
