import { CommitOutcomeUnknownError, currentCorrelation } from "@acme/domain-events";
import type { Context, Middleware } from "koa";
import { isDatabaseTrouble } from "../database-trouble.ts";
import type { BurstLog } from "../logging/burst-log.ts";
import type { Logger } from "../logging/logger.ts";
import { errorPage } from "../page/error-page.ts";
import { TooBusyError } from "../passwords/gate.ts";
import { matchedRoute } from "./matched-route.ts";
import { Problem } from "./problem.ts";

/** Answers whatever a route throws: JSON in one shape, or a page for a browser that asked for one. */
export function errorResponses({ logger, refusals }: ErrorResponsesNeeds): Middleware {
  return async function answerErrors(ctx, next) {
    try {
      await next();
      if (ctx.body == null || ctx.body === "") answerEmpty(ctx);
    } catch (error) {
      log(error, matchedRoute(ctx));
      answer(ctx, toProblem(error));
    }
  };

  // Whoever makes a problem has logged what there is to say about it.
  function log(error: unknown, route: string): void {
    const { requestId } = currentCorrelation();
    if (error instanceof TooBusyError) refusals.note({ route, requestId });
    else if (!(error instanceof Problem)) logger.error({ err: error, route, requestId }, "request failed");
  }
}

interface ErrorResponsesNeeds {
  readonly logger: Logger;
  /** Counts what was refused because too much was going on: that is expected, and comes in bursts. */
  readonly refusals: BurstLog;
}

// The router leaves these without a body, 405 and 501 with an Allow header.
function answerEmpty(ctx: Context): void {
  if (ctx.status === 404) answer(ctx, notFound());
  if (ctx.status === 405 || ctx.status === 501) {
    answer(
      ctx,
      new Problem("METHOD_NOT_ALLOWED", "This address does not take this method. See the Allow header.", {
        status: ctx.status,
      }),
    );
  }
}

export function notFound(): Problem {
  return new Problem("NOT_FOUND", "There is nothing at this address.");
}

function answer(ctx: Context, problem: Problem): void {
  ctx.status = problem.status;
  if (problem.retryAfterSeconds !== undefined) ctx.set("Retry-After", String(problem.retryAfterSeconds));
  // Unread rest of a body that is too large must not be taken for the next request.
  if (problem.status === 413) ctx.set("Connection", "close");

  const { code, message, fields } = problem;
  const { requestId } = currentCorrelation();
  if (wantsPage(ctx)) {
    ctx.type = "html";
    ctx.body = errorPage({ message, requestId }).text;
    return;
  }
  ctx.body = { error: { code, message, ...(fields && { fields }), requestId } };
}

// curl accepts everything and gets JSON; a browser that navigates names HTML first.
function wantsPage(ctx: Context): boolean {
  return ctx.get("Accept").includes("text/html") && ctx.accepts("json", "html") === "html";
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof CommitOutcomeUnknownError) return outcomeUnknown();
  if (error instanceof TooBusyError || isDatabaseTrouble(error)) return unavailable();
  return new Problem("INTERNAL", "Something went wrong on our side. It has been logged.");
}

/** The database was lost in the moment of the commit, and has not come back in time to say what became of it. */
function outcomeUnknown(): Problem {
  return new Problem(
    "OUTCOME_UNKNOWN",
    "We cannot tell yet whether this was stored. Please try again in a moment. If the link does not work any more then, it has done its work.",
    { retryAfterSeconds: 5 },
  );
}

export function unavailable(): Problem {
  return new Problem("UNAVAILABLE", "The service is too busy or not ready. Please try again in a moment.", {
    retryAfterSeconds: 5,
  });
}
