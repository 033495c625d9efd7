import { printable } from "../output/printable.ts";

/** The payload, line by line, or how to see it. */
export function payloadText(payload: string | undefined): string {
  if (payload === undefined) return "  The payload is hidden. --show-payload prints it.";
  return payload
    .split("\n")
    .map((line) => `  ${printable(line)}`)
    .join("\n");
}
