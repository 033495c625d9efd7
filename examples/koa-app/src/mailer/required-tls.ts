import { isLoopbackAddress } from "../loopback-address.ts";

/**
 * Adds to the URL of an SMTP server with credentials that TLS is required, unless the URL itself says otherwise or the server is on
 * this machine.
 *
 * Without it, credentials and mails go out in clear where the server, or somebody between, does not offer STARTTLS.
 */
export function withRequiredTls(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  const hasCredentials = url.username !== "" || url.password !== "";
  // smtps: never starts in clear.
  if (url.protocol !== "smtp:" || !hasCredentials || isOnThisMachine(url) || allowsClearText(url)) return smtpUrl;
  // In the URL, because for the mailer that counts more than any other option.
  url.searchParams.set("requireTLS", "true");
  return url.href;
}

function isOnThisMachine({ hostname }: URL): boolean {
  return hostname.toLowerCase() === "localhost" || isLoopbackAddress(hostname.replace(/^\[(.*)\]$/, "$1"));
}

function allowsClearText({ searchParams }: URL): boolean {
  return searchParams.get("requireTLS") === "false" || searchParams.get("ignoreTLS") === "true";
}
