import type { Context } from "koa";
import { Problem } from "./problem.ts";

/**
 * Runs what a form asks for. A problem that the person can mend comes back, so that the form can be shown again with it; its
 * status is set. Anything else is thrown.
 */
export async function problemOf(ctx: Context, work: () => Promise<void>): Promise<Problem | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    ctx.status = error.status;
    if (error.retryAfterSeconds !== undefined) ctx.set("Retry-After", String(error.retryAfterSeconds));
    return error;
  }
}
