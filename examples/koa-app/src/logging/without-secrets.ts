/** Blanks e-mail addresses, URLs with a password, and anything that looks like a token or a hash. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]*@[^\s"'<>]*/gi, "[url]")
    .replace(/[^\s<>"'()=,;:]+@[^\s<>"'(),;:]+/g, "[address]")
    .replace(/\$(?:argon2id|scrypt)\$\S+/g, "[hash]")
    .replace(/[\w-]{40,}/g, "[secret]");
}
