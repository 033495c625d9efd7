/** What of nodemailer's error tells that TLS is the trouble. */
export interface TlsFacts {
  readonly code?: string;
  /** What Node or OpenSSL said, where nodemailer put a code of its own in its place. */
  readonly originalCode?: string;
  readonly command?: string;
  readonly responseCode?: number;
}

/** Why there is no TLS: `detail` is the code of Node or OpenSSL, or undefined where there is none. */
export interface TlsFailure {
  readonly code: TlsFailureCode;
  readonly detail?: string;
}

/** An untrusted certificate, a server without STARTTLS, and anything else that ends a handshake. */
export type TlsFailureCode = "ECERTIFICATE" | "ESTARTTLS" | "ETLS";

/** Returns undefined where TLS is not the trouble. */
export function findTlsFailure({ code, originalCode, command, responseCode }: TlsFacts): TlsFailure | undefined {
  if (code === "ETLS" && command === "STARTTLS" && responseCode !== undefined) return { code: "ESTARTTLS" };
  // A server that knows only HELO, from the time before STARTTLS. Nodemailer asks it where it need not encrypt.
  if (code === "ECONNECTION" && command === "EHLO" && unknownCommand.has(responseCode)) return { code: "ESTARTTLS" };
  return failureOf(originalCode) ?? (code === "ETLS" ? { code: "ETLS" } : undefined);
}

/** Command unrecognized, not implemented, parameter not implemented (RFC 5321, 4.2.2). Any other refusal is about who asks. */
const unknownCommand = new Set<number | undefined>([500, 502, 504]);

function failureOf(detail: string | undefined): TlsFailure | undefined {
  if (detail === undefined) return undefined;
  if (tlsCode.test(detail)) return { code: "ETLS", detail };
  return name.test(detail) && ofCertificate.test(detail) ? { code: "ECERTIFICATE", detail } : undefined;
}

const tlsCode = /^(?:EPROTO|ERR_SSL_[A-Z0-9_]+|ERR_TLS_(?!CERT_)[A-Z0-9_]+)$/;

const name = /^[A-Z_]+$/;
/** The names of OpenSSL's X509_V_ERR_…, as Node hands them on, and Node's own for a certificate of another host. */
const ofCertificate = /CERT|CRL|^UNABLE_TO_|^INVALID_(?:CA|PURPOSE)$|_MISMATCH$|^PATH_LENGTH_EXCEEDED$/;
