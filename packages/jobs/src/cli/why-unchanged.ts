import type { Admin } from "../admin/admin.ts";
import { JobsError } from "../errors.ts";
import { notFound } from "./not-found.ts";

/** Why a job cannot be changed, as what has its id now tells. `undefined`: it can. */
export async function whyUnchanged(admin: Admin, id: string): Promise<JobsError | undefined> {
  const details = await admin.get(id);
  if (details === undefined) return new JobsError("JOB_MISSING", notFound("job", id).message);
  if (details.in === "outbox") return new JobsError("JOB_MISSING", "It waits in the outbox for a relay.");
  if (details.in === "deadLetters") {
    return new JobsError("JOB_MISSING", "It is a dead letter: see acme-jobs dead --help.");
  }
  return details.job.state === "locked" ? new JobsError("JOB_LOCKED", "A worker has it.") : undefined;
}
