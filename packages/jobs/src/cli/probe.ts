import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Jobs } from "../jobs.ts";
import type { Worker } from "../worker/worker.ts";
import { renderPrometheus } from "./render/prometheus.ts";

/** What an orchestrator asks a worker. */
export interface Probe extends AsyncDisposable {
  readonly port: number;
}

/**
 * Answers `/live` (the process runs), `/ready` (the worker gets jobs) and `/metrics` (for Prometheus, from samples; the queue is
 * not counted for it).
 *
 * @param port - `0` takes a free one.
 */
export async function startProbe(
  port: number,
  parts: { readonly jobs: Jobs; readonly worker: Worker },
): Promise<Probe> {
  const server = createServer((request, response) => {
    void answer(new URL(request.url ?? "/", "http://probe").pathname, response, parts);
  });
  server.listen(port);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(
  path: string,
  response: ServerResponse,
  { jobs, worker }: { readonly jobs: Jobs; readonly worker: Worker },
): Promise<void> {
  if (path === "/live") return end(response, 200, "live\n");
  if (path === "/ready") return end(response, worker.state === "running" ? 200 : 503, `${worker.state}\n`);
  if (path !== "/metrics") return end(response, 404, "/live, /ready, /metrics\n");
  try {
    const { admin } = jobs;
    const [overview, tasks, workers] = await Promise.all([
      admin.overview(),
      admin.tasks(),
      admin.workers({ countLocked: false }),
    ]);
    response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
    end(response, 200, renderPrometheus({ overview, tasks, workers }));
  } catch {
    // The reason is in the log of the worker, which needs the same database.
    end(response, 503, "the jobs database does not answer\n");
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.end(text);
}
