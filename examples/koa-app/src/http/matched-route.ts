import type { Context } from "koa";

/** The pattern of the route that took a request, for logs. */
export function matchedRoute(ctx: Context): string {
  const route: unknown = ctx["_matchedRoute"];
  return typeof route === "string" ? route : "(none)";
}
