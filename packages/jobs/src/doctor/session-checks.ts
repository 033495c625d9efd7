import { refuseSharedSessions } from "../database/check-sessions.ts";
import { JobsError } from "../errors.ts";
import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";

/** Whether clients have sessions of their own, which a worker needs. */
export async function checkSessions({ pool }: Target): Promise<readonly Finding[]> {
  try {
    await refuseSharedSessions(pool);
    return [];
  } catch (error) {
    if (!(error instanceof JobsError) || error.code !== "POOLER_UNSUPPORTED") throw error;
    return [
      finding({
        code: "SESSIONS_SHARED",
        severity: "error",
        what: "The connection to the jobs database leads through a pooler that shares sessions between clients.",
        why: "A worker needs a session of its own: it rejects with POOLER_UNSUPPORTED. Enqueueing works.",
        mend: "Connect workers and relays to PostgreSQL itself, or to the pooler in session mode.",
        command: "acme-jobs worker",
      }),
    ];
  }
}
