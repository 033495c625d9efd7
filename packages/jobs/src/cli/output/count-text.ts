/** `1 job`, `1,204 jobs`, `10,000 or more jobs`. */
export function countText(count: number, noun: string, isCapped = false): string {
  return `${count.toLocaleString("en")}${isCapped ? " or more" : ""} ${noun}${count === 1 ? "" : "s"}`;
}
