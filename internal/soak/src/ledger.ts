import type { Message } from "./child/process.ts";

/** What the writers said about their units. The database decides what is true. */
export interface Ledger {
  readonly note: (message: Message) => void;
  /** Handlers after the commit ran for these orders, so often. */
  readonly seen: ReadonlyMap<string, number>;
  /** `run` resolved: these orders must be there. */
  readonly confirmed: ReadonlySet<string>;
  /** `run` rejected, or their savepoint was rolled back: these orders must not be there. */
  readonly refused: ReadonlySet<string>;
  /** Nobody could say what became of the COMMIT. */
  readonly unknown: ReadonlySet<string>;
}

export function createLedger(): Ledger {
  const seen = new Map<string, number>();
  const [confirmed, refused, unknown] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const pages = { confirmed, rejected: refused, undone: refused, unknown };

  return {
    note(message) {
      if (message.kind === "seen") seen.set(message.orderId, (seen.get(message.orderId) ?? 0) + 1);
      else for (const orderId of message.orderIds) pages[message.kind].add(orderId);
    },
    seen,
    confirmed,
    refused,
    unknown,
  };
}
