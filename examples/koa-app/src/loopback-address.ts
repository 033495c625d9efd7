import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Whether an IP address, however it is written, is one under which a machine talks to itself. */
export function isLoopbackAddress(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === "loopback";
}
