import { promisify } from "node:util";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";
import { loadConfig } from "./config.ts";

const config = loadConfig(process.env);
const { port, stopDeadlineMs: deadlineMs } = config;
const { app, worker, close } = await createApp(config);
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port });

async function stop(): Promise<void> {
  process.stdout.write("stopping\n");
  // The worker fetches no more while requests are answered, so that neither takes the time of the other.
  const workerStopped = worker.stop({ deadlineMs });
  if ("closeAllConnections" in server) {
    // Clients keep their connections after the last answer, and would hold up the close.
    setInterval(() => server.closeIdleConnections(), 100).unref();
    setTimeout(() => server.closeAllConnections(), deadlineMs).unref();
  }
  await promisify(server.close.bind(server))();
  await workerStopped;
  await close({ deadlineMs });
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void stop());
