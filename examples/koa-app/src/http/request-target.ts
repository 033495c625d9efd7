import type { Context, Middleware } from "koa";
import { Problem } from "./problem.ts";

/** Answers 400 to a target that is no URL, such as `http://[::1/`: the first thing that asks for its path would throw. */
export function refuseMalformedTargets(): Middleware {
  return async function refuseMalformedTarget(ctx, next) {
    if (!hasPath(ctx)) throw new Problem("TARGET_INVALID", "The target of this request is no URL.");
    await next();
  };
}

function hasPath(ctx: Context): boolean {
  try {
    return typeof ctx.path === "string";
  } catch {
    return false;
  }
}
