import type { Logger } from "@acme/shared/logger";

/** Drops Graphile Worker's lines about single jobs, because they contain the payload. This package logs jobs itself. */
export function toGraphileLog(logger: Logger) {
  return (level: string, message: string, meta?: Record<string, unknown>): void => {
    const isAboutOneJob = meta !== undefined && ("job" in meta || "jobs" in meta || "specs" in meta);
    if (isAboutOneJob || (level !== "error" && level !== "warning")) return;
    // Not named "level", a name that loggers use themselves.
    logger.debug({ source: "graphile-worker", severity: level }, message);
  };
}
