import addressparser from "nodemailer/lib/addressparser";
import { z } from "zod";

/** A URL, kept as text, whose parts can be decoded; with `needsHost`, one that names a server. */
export function urlOf(protocols: readonly string[], example: string, { needsHost = false } = {}) {
  const isUsable = (text: string) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return protocols.includes(url.protocol) && (!needsHost || url.hostname !== "") && canDecode(url);
  };
  return z.string().refine(isUsable, {
    error: `expected a URL such as ${example}; a % in it is written %25.`,
  });
}

/** The sender of mails: one address, with or without a name. */
export function sender() {
  return z.string().refine(isSender, "expected a sender such as Acme <no-reply@example.org>.");
}

export function flag(fallback: boolean) {
  return z
    .enum(["true", "false", "1", "0"], { error: "expected true or false." })
    .transform((text) => text === "true" || text === "1")
    .default(fallback);
}

export function wholeNumber(min: number, max: number, fallback: number) {
  const message = `expected a whole number from ${min} to ${max}.`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .default(fallback);
}

// The drivers decode these at the first connection, long after the start.
function canDecode({ username, password, hostname, pathname }: URL): boolean {
  try {
    [username, password, hostname, pathname].forEach(decodeURIComponent);
    return true;
  } catch {
    return false;
  }
}

// Read as the mailer reads it: it would send without a sender, or with another one.
export function isSender(text: string): boolean {
  if (text.length > 1_000 || /[\r\n]/.test(text)) return false;
  const [parsed, ...others] = addressparser(text);
  return parsed !== undefined && others.length === 0 && "address" in parsed && isAddress(parsed.address);
}

// No dot is asked for: no-reply@localhost is the default.
function isAddress(address: string | undefined): boolean {
  return address !== undefined && /^[^\s@<>]+@[^\s@<>]+$/.test(address) && mailHost.test(address);
}

/** Names of hosts, and the literals of RFC 5321 (4.1.3): servers refuse a sender from any other. */
const mailHost =
  /@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*|\[(?:IPv6:[0-9a-f:.]+|[0-9.]+)\])$/iu;
