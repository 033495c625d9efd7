import { LocalPostgresError, startLocalPostgres } from "../src/local-postgres.ts";
import type { AppReport, AppRequest } from "./app.ts";

/* An app with a database, to be killed. */
const { options, onInterrupt }: AppRequest = JSON.parse(process.env["REQUEST"] ?? "");

function report(what: AppReport): void {
  process.send?.(what);
}

try {
  const postgres = await startLocalPostgres(options);
  process.on("SIGINT", () => {
    report({ interrupted: true });
    if (onInterrupt === "stop") void postgres.stop().then(() => process.disconnect?.());
  });
  process.on("message", () => process.disconnect?.());
  report({ url: postgres.url(), port: postgres.port });
} catch (error) {
  report({ code: error instanceof LocalPostgresError ? error.code : "", message: String(error) });
  process.disconnect?.();
}
