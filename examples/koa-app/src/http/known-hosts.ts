import type { Context } from "koa";

/**
 * Whether a request was addressed to this machine or to the public host, by its `Host` header.
 *
 * A page from elsewhere may give its own name this machine's address (DNS rebinding). The browser then lets it read what is
 * answered, and only the header still tells.
 */
export function isForKnownHost(ctx: Context, publicUrl: URL): boolean {
  // Never X-Forwarded-Host: such a page may write it.
  const { host = "" } = ctx.req.headers;
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return [...localHosts, publicUrl.hostname].includes(hostname);
}

const localHosts = ["localhost", "127.0.0.1", "[::1]"];
