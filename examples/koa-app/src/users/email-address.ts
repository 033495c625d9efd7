import { z } from "zod";

declare const normalised: unique symbol;

/** An address in the one spelling under which it is stored, counted and written to. */
export type EmailAddress = string & { readonly [normalised]: true };

/**
 * Brings an address into its one spelling: trimmed, NFC, lower case, the domain as DNS writes it (punycode).
 *
 * @returns undefined for what is not an address, is longer than 254 bytes, or has a domain no mail can be sent to.
 */
export function normaliseEmailAddress(input: string): EmailAddress | undefined {
  // Nothing longer can become an address; the bound keeps everything below cheap.
  if (input.length > 1_000) return undefined;
  const text = input.trim().normalize("NFC").toLowerCase().normalize("NFC");
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const domain = asciiDomain(text.slice(at + 1));
  if (at < 1 || domain === undefined || !localPart.test(local) || Buffer.byteLength(local) > 64) return undefined;

  const address = `${local}@${domain}`;
  return isShortEnough(address) ? address : undefined;
}

/** An address as a field of a request. */
export const emailAddressField = z
  .string({ error: "Enter an e-mail address." })
  .transform((input, context): EmailAddress => {
    const address = normaliseEmailAddress(input);
    if (address !== undefined) return address;
    context.addIssue({ code: "custom", message: "Enter an e-mail address such as ada@example.org." });
    return z.NEVER;
  });

// The longest address that SMTP can carry.
function isShortEnough(address: string): address is EmailAddress {
  return Buffer.byteLength(address) <= 254;
}

const localPart = /^[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const domainLabels = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function asciiDomain(domain: string): string | undefined {
  // These would end or split the host in a URL.
  if (/[\s/\\?#@:%[\]]/u.test(domain) || !URL.canParse(`http://${domain}`)) return undefined;
  const { hostname } = new URL(`http://${domain}`);
  return domainLabels.test(hostname) && !ipv4.test(hostname) ? hostname : undefined;
}

const ipv4 = /^\d+\.\d+\.\d+\.\d+$/;
