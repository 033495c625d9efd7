import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Brings an IP address into the one spelling under which its client is counted: the IPv4 address, or the /64 network of an IPv6
 * address, because whoever has one address of it has them all.
 *
 * Proxies write one address in several ways: with a port, in brackets, or as an IPv6 address that stands for an IPv4 address.
 *
 * @returns undefined for what is no address.
 */
export function clientOf(text: string): string | undefined {
  const bare = withoutPort(text);
  // ipaddr.js takes 0x7f.1 for an address as well.
  if (isIP(bare) === 0) return undefined;
  const address = ipaddr.process(bare);
  if (address.kind() === "ipv4") return address.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString();
}

function withoutPort(text: string): string {
  const [, inBrackets, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  return inBrackets ?? dotted ?? text;
}
