import { findTlsFailure, type TlsFacts, type TlsFailureCode } from "./tls-failure.ts";

/**
 * A mail that was not taken.
 *
 * It is made from scratch, without the original: what an SMTP server answers quotes the address, and a failed job keeps the
 * message and the cause of its error.
 */
export class MailError extends Error {
  override readonly name = "MailError";
  readonly code: MailErrorCode;
  /** What the SMTP server answered, such as 451; undefined when it did not get that far. */
  readonly responseCode: number | undefined;

  /** `detail`: what Node or OpenSSL calls it, such as CERT_HAS_EXPIRED. */
  constructor(code: MailErrorCode, { responseCode, detail }: { responseCode?: number; detail?: string } = {}) {
    const answer = responseCode === undefined ? "" : ` It answered ${responseCode}.`;
    super(`${explanations[code]}${detail === undefined ? "" : ` Its code is ${detail}.`}${answer}`);
    this.code = code;
    this.responseCode = responseCode;
  }
}

/** The codes of Node where there are some, because retry policies know these. */
export type MailErrorCode =
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "ECONNABORTED"
  | "ETIMEDOUT"
  | "ENOTFOUND"
  | "EAUTH"
  | "EREFUSED"
  | "EMAIL"
  | TlsFailureCode;

/** Turns what nodemailer throws into an error of ours. */
export function toMailError(thrown: unknown): MailError {
  const failure = fieldsOf(thrown);
  const { code, responseCode } = failure;
  const answered = responseCode === undefined ? {} : { responseCode };
  const tls = findTlsFailure(failure);
  if (tls !== undefined) return new MailError(tls.code, { ...answered, ...tls });
  if (isNoSmtpAnswer(failure)) return new MailError("ECONNABORTED", answered);
  if (responseCode !== undefined) return new MailError(code === "EAUTH" ? "EAUTH" : "EREFUSED", answered);
  return new MailError(codeWithoutAnswer(failure));
}

/** Whether a mail was not taken because there was no TLS to be had. */
export function isTlsTrouble(error: unknown): boolean {
  return error instanceof MailError && tlsFailureCodes.has(error.code);
}

const tlsFailureCodes: ReadonlySet<MailErrorCode> = new Set<TlsFailureCode>(["ECERTIFICATE", "ESTARTTLS", "ETLS"]);

// Neither put off (4xx) nor refused (5xx): whoever answers here speaks something else, such as a balancer without a server behind it.
function isNoSmtpAnswer({ code, responseCode }: SmtpFailure): boolean {
  if (responseCode === undefined) return code === "EPROTOCOL";
  return responseCode < 400 || responseCode > 599;
}

function codeWithoutAnswer({ code = "", syscall }: SmtpFailure): MailErrorCode {
  if (code === "ETIMEDOUT") return "ETIMEDOUT";
  if (unresolvedNameCodes.has(code)) return "ENOTFOUND";
  if (syscall === "connect" || code === "ECONNREFUSED") return "ECONNREFUSED";
  return brokenConnectionCodes.has(code) ? "ECONNRESET" : "EMAIL";
}

const unresolvedNameCodes: ReadonlySet<string> = new Set(["EDNS", "ENOTFOUND", "EAI_AGAIN"]);
const brokenConnectionCodes: ReadonlySet<string> = new Set(["ESOCKET", "ECONNECTION", "ECONNRESET", "EPIPE"]);

const explanations: Record<MailErrorCode, string> = {
  ECONNREFUSED: "The SMTP server takes no connection. Check that the one in SMTP_URL runs.",
  ECONNRESET: "The connection to the SMTP server broke before it took the mail.",
  ECONNABORTED: "The SMTP server in SMTP_URL gave an answer that is none of SMTP.",
  ETIMEDOUT: "The SMTP server did not answer in time.",
  ENOTFOUND: "The name of the SMTP server in SMTP_URL cannot be resolved.",
  EAUTH: "The SMTP server refused the user or password in SMTP_URL.",
  EREFUSED: "The SMTP server refused the mail.",
  ECERTIFICATE:
    "The certificate of the SMTP server in SMTP_URL cannot be trusted. Mend it, or name its authority in NODE_EXTRA_CA_CERTS.",
  ESTARTTLS:
    "The SMTP server in SMTP_URL offers no STARTTLS, and without TLS neither the password nor the mail is sent. Use its port with TLS, or smtps:.",
  ETLS: "The TLS handshake with the SMTP server failed. Check the port in SMTP_URL: smtps: is for one that speaks TLS at once, smtp: for one with STARTTLS.",
  EMAIL: "The mail could not be built or sent.",
};

function fieldsOf(thrown: unknown): SmtpFailure {
  return thrown instanceof Error ? (thrown as Error & SmtpFailure) : {};
}

/** What nodemailer puts on its errors, as far as it is used. */
interface SmtpFailure extends TlsFacts {
  readonly syscall?: string;
}
