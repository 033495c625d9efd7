/**
 * Text of strangers, such as the name of a task or the message of an error, as one line for a terminal. A control character
 * could move the cursor, change what was printed before, or make the terminal send something.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => replacements.get(character) ?? escaped(character)).toWellFormed();
}

/** Control and format characters, and those that end a line or turn the direction of writing. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const replacements = new Map([
  ["\n", " ⏎ "],
  ["\r", ""],
  ["\t", " "],
]);

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`;
}
