/** Blanks e-mail addresses, URLs with a password, and anything that looks like a token or a hash. */
export function withoutSecrets(text: string): string {
  return (
    text
      .replace(/[^\s"'<>]+/g, withoutUrlOfUser)
      // An apostrophe and an equals sign may stand before the @. So what is quoted or assigned goes with its quote or its name.
      .replace(/(?<![^\s<>"(),;:])[^\s<>"(),;:]+@[^\s<>"'(),;:]+/g, "[address]")
      .replace(/\$(?:argon2id|scrypt)\$\S+/g, "[hash]")
      .replace(/[\w-]{40,}/g, "[secret]")
  );
}

// Looked for by hand first: one expression for all of it takes time that grows with the square of the text.
function withoutUrlOfUser(word: string): string {
  const start = word.indexOf("://");
  return start >= 0 && word.lastIndexOf("@") > start
    ? word.replace(/(?<![a-z0-9+.-])[a-z0-9+.-]+:\/\/.*/i, "[url]")
    : word;
}
