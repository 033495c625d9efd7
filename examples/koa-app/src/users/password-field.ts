import { z } from "zod";

/** A new password as a field of a request: bounded in characters and in bytes before anything expensive happens to it. */
export const passwordField = z
  .string({ error: "Enter a password." })
  .refine((text) => text.isWellFormed(), { error: "Use characters that can be stored.", abort: true })
  // One password must be one sequence of bytes, whichever keyboard it is typed on.
  .transform((text) => text.normalize("NFC"))
  .superRefine((password, context) => {
    const length = characterCount(password);
    if (length < 8) context.addIssue({ code: "custom", message: "Use at least 8 characters." });
    if (length > 128 || Buffer.byteLength(password) > 512) {
      context.addIssue({ code: "custom", message: "Use at most 128 characters." });
    }
  });

function characterCount(text: string): number {
  return Array.from(text).length;
}
