import type { Pausable } from "@acme/jobs";
import type { Urls } from "./soak-tables.ts";

/** What goes wrong, and when, in milliseconds from the start. */
export type Fault = { readonly atMs: number } & (
  | { readonly kind: "kill"; readonly target: MemberName }
  | { readonly kind: "pause"; readonly target: MemberName; readonly forMs: number }
  | { readonly kind: "terminate" }
  | { readonly kind: "crash" }
  | { readonly kind: "restart"; readonly how: WayToStop; readonly downForMs: number }
  | { readonly kind: "failover" }
  | ({ readonly kind: "commit" } & BrokenCommit)
  | ({ readonly kind: "blip" } & Blip)
  | ({ readonly kind: "limit" } & TimeLimit)
  | ({ readonly kind: "lock" } & TableLock)
  | ({ readonly kind: "hold" } & HeldJobs)
);

/** With everything written, or with nothing written any more: then the start is a recovery. */
export type WayToStop = "fast" | "immediate";

/** The next COMMIT of one member in one database does not go as its client expects. */
export interface BrokenCommit {
  readonly target: MemberName;
  readonly database: keyof Urls;
  /** Committed, and the reply lost with its connection; the connection lost before it; or committed, and the reply late. */
  readonly how: "drop-reply" | "cut-before" | "hold-reply";
  /** How late, for a reply that is held. */
  readonly forMs: number;
}

/** No server can be reached: every connection is cut and none accepted, or nothing arrives and nothing is said. */
export interface Blip {
  readonly target: MemberName | "all";
  readonly how: "cut" | "silent";
  readonly forMs: number;
}

/** A setting of the server that ends statements, in both databases. */
export interface TimeLimit {
  readonly setting: "statement_timeout" | "lock_timeout";
  readonly limitMs: number;
  readonly forMs: number;
}

/** Somebody holds a table for itself alone, as a migration does. */
export interface TableLock {
  readonly database: keyof Urls;
  readonly table: string;
  readonly forMs: number;
}

/** An operator pauses jobs, and resumes them. */
export interface HeldJobs {
  readonly what: Pausable;
  readonly forMs: number;
}

export const memberNames = ["writer-1", "writer-2", "worker-1", "worker-2", "relay-1", "relay-2"] as const;
export type MemberName = (typeof memberNames)[number];

export type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;
