import { onTestFinished } from "vitest";
import { Pool } from "pg";
import { createDoctor, type DoctorOptions } from "../../src/doctor/doctor.ts";
import type { Finding } from "../../src/doctor/finding.ts";

export interface Examined {
  readonly jobs?: string | Pool;
  readonly outbox?: string | Pool;
  /** Default: none, so that a test need not wait. */
  readonly watchMs?: number;
}

/** Lets the doctor examine databases. */
export function examine({ jobs, outbox, watchMs = 0 }: Examined, options?: DoctorOptions): Promise<readonly Finding[]> {
  return createDoctor({ jobs: lazily(jobs), outbox: lazily(outbox), watchMs })(options);
}

function lazily(connection: string | Pool | undefined): (() => Pool) | undefined {
  if (typeof connection !== "string") return connection && (() => connection);
  const pool = new Pool({ connectionString: connection });
  onTestFinished(() => pool.end());
  return () => pool;
}

/**
 * Settings of the throw-away server of a test run: it need not survive a crash. A test that is about them starts a server with
 * PostgreSQL's defaults.
 */
const ofTestServers = new Set(["COMMIT_ASYNCHRONOUS", "SERVER_UNSAFE"]);

/** The codes of findings, without those of the test server itself. */
export function codesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ code }) => code).filter((code) => !ofTestServers.has(code));
}

export function findingOf(findings: readonly Finding[], code: string): Finding | undefined {
  return findings.find((each) => each.code === code);
}
