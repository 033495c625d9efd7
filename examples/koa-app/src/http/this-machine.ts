import type { Context } from "koa";
import { isLoopbackAddress } from "../loopback-address.ts";
import { isForKnownHost } from "./known-hosts.ts";

/**
 * Whether a request comes from a program on this machine, through no proxy, and was addressed to this machine or the public host.
 *
 * A `Host` header alone says nothing: whoever reaches the port may write "localhost" into it.
 */
export function isFromThisMachine(ctx: Context, { publicUrl, trustedProxyCount }: Surroundings): boolean {
  return (
    !hasProxy(ctx, trustedProxyCount) &&
    isLoopbackAddress(ctx.req.socket.remoteAddress ?? "") &&
    isForKnownHost(ctx, publicUrl)
  );
}

export interface Surroundings {
  readonly publicUrl: URL;
  readonly trustedProxyCount: number;
}

// To a proxy on this machine every client has this machine's address.
function hasProxy(ctx: Context, trustedProxyCount: number): boolean {
  return trustedProxyCount > 0 || proxyHeaders.some((name) => ctx.req.headers[name] !== undefined);
}

const proxyHeaders = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-real-ip",
  "cf-connecting-ip",
  "true-client-ip",
];
