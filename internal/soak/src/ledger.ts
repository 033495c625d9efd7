import type { Message, UnitTimes } from "./child/process.ts";

/** What the writers said about their units. The database decides what is true. */
export interface Ledger {
  readonly note: (message: Message) => void;
  /** Handlers after the commit ran for these orders, so often. */
  readonly seen: ReadonlyMap<string, number>;
  /** `run` resolved: these orders must be there. */
  readonly confirmed: ReadonlySet<string>;
  /** `run` rejected, or their savepoint was rolled back: these orders must not be there. */
  readonly refused: ReadonlySet<string>;
  /** Nobody could say what became of the COMMIT, nor asked, since nothing had been recorded. */
  readonly unknown: ReadonlySet<string>;
  /** Events were recorded, so there was something to ask for, and still nobody found out what became of it. */
  readonly unresolved: ReadonlyMap<string, UnitTimes>;
}

export function createLedger(): Ledger {
  const seen = new Map<string, number>();
  const [confirmed, refused] = [new Set<string>(), new Set<string>()];
  const unknown = new Set<string>();
  const unresolved = new Map<string, UnitTimes>();
  const pages = { confirmed, rejected: refused, undone: refused, unknown };

  return {
    note(message) {
      if (message.kind === "seen") seen.set(message.orderId, (seen.get(message.orderId) ?? 0) + 1);
      else if (message.kind === "unresolved") for (const orderId of message.orderIds) unresolved.set(orderId, message);
      else for (const orderId of message.orderIds) pages[message.kind].add(orderId);
    },
    seen,
    confirmed,
    refused,
    unknown,
    unresolved,
  };
}
