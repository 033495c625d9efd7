import type { Message } from "./message-stream.ts";

/**
 * Says which message of a client executes a COMMIT: a simple Query, or the Execute of a portal that was bound to a
 * prepared one.
 */
export function createCommitDetector(): (message: Message) => boolean {
  const statements = new Set<string>();
  const portals = new Set<string>();

  return function executesCommit({ type, body }) {
    const [first = "", second = ""] = body.toString("utf8").split("\0", 2);
    switch (type) {
      case "Q":
        return isCommit(first);
      case "P":
        mark(statements, first, isCommit(second));
        return false;
      case "B":
        mark(portals, first, statements.has(second));
        return false;
      case "E":
        return portals.has(first);
      default:
        return false;
    }
  };
}

function mark(names: Set<string>, name: string, isMarked: boolean): void {
  if (isMarked) names.add(name);
  else names.delete(name);
}

/** `END` counts only if it is the whole text, since bodies of functions contain it, too. */
function isCommit(sql: string): boolean {
  const ending = String.raw`(\s+(work|transaction))?(\s+and\s+(no\s+)?chain)?\s*`;
  return (
    new RegExp(String.raw`(^|;)\s*commit${ending}(;|$)`, "i").test(sql) ||
    new RegExp(String.raw`^\s*end${ending}(;\s*)?$`, "i").test(sql)
  );
}
