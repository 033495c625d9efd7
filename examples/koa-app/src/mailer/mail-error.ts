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

  constructor(code: MailErrorCode, responseCode?: number) {
    super(`${explanations[code]}${responseCode === undefined ? "" : ` It answered ${responseCode}.`}`);
    this.code = code;
    this.responseCode = responseCode;
  }
}

/** The codes of Node where there are some, because retry policies know these. */
export type MailErrorCode =
  "ECONNREFUSED" | "ECONNRESET" | "ECONNABORTED" | "ETIMEDOUT" | "ENOTFOUND" | "EAUTH" | "EREFUSED" | "EMAIL";

/** Turns what nodemailer throws into an error of ours. */
export function toMailError(thrown: unknown): MailError {
  const { code, syscall, responseCode } = fieldsOf(thrown);
  // Neither put off (4xx) nor refused (5xx): whoever answers here speaks something else, such as a balancer without a server behind it.
  if (code === "EPROTOCOL" && responseCode === undefined) return new MailError("ECONNABORTED");
  if (responseCode !== undefined && (responseCode < 400 || responseCode > 599))
    return new MailError("ECONNABORTED", responseCode);
  if (responseCode !== undefined) return new MailError(code === "EAUTH" ? "EAUTH" : "EREFUSED", responseCode);
  if (code === "ETIMEDOUT") return new MailError("ETIMEDOUT");
  if (code === "EDNS" || code === "ENOTFOUND" || code === "EAI_AGAIN") return new MailError("ENOTFOUND");
  if (syscall === "connect" || code === "ECONNREFUSED") return new MailError("ECONNREFUSED");
  if (code === "ESOCKET" || code === "ECONNECTION" || code === "ECONNRESET" || code === "EPIPE") {
    return new MailError("ECONNRESET");
  }
  return new MailError("EMAIL");
}

const explanations: Record<MailErrorCode, string> = {
  ECONNREFUSED: "The SMTP server takes no connection. Check that the one in SMTP_URL runs.",
  ECONNRESET: "The connection to the SMTP server broke before it took the mail.",
  ECONNABORTED: "The SMTP server in SMTP_URL gave an answer that is none of SMTP.",
  ETIMEDOUT: "The SMTP server did not answer in time.",
  ENOTFOUND: "The name of the SMTP server in SMTP_URL cannot be resolved.",
  EAUTH: "The SMTP server refused the user or password in SMTP_URL.",
  EREFUSED: "The SMTP server refused the mail.",
  EMAIL: "The mail could not be built or sent.",
};

function fieldsOf(thrown: unknown): SmtpFailure {
  return thrown instanceof Error ? (thrown as Error & SmtpFailure) : {};
}

/** What nodemailer puts on its errors, as far as it is used. */
interface SmtpFailure {
  readonly code?: string;
  readonly syscall?: string;
  readonly responseCode?: number;
}
