import type { Logger } from "@acme/shared/logger";

/** Graphile Worker's lines about single jobs carry the job itself, payload included: ours take their place. */
export function toGraphileLog(logger: Logger) {
  return (level: string, message: string, meta?: Record<string, unknown>): void => {
    const isAboutOneJob = meta !== undefined && ("job" in meta || "jobs" in meta || "specs" in meta);
    if (isAboutOneJob || (level !== "error" && level !== "warning")) return;
    // Not as "level", by which a logger tells its own.
    logger.debug({ source: "graphile-worker", severity: level }, message);
  };
}
