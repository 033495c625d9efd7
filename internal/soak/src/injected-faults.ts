import type { InjectedCommitFaults } from "./break-commits.ts";
import type { Blip, HeldJobs, TableLock, TimeLimit, WayToStop } from "./faults.ts";

/** A SIGKILL that took place, by the clock of this machine. */
export interface Kill {
  /** Member and incarnation. */
  readonly label: string;
  readonly at: Date;
}

/** A time in which the server was away, and after which it had recovered, by the clock of this machine. */
export interface Outage {
  readonly from: Date;
  readonly to: Date;
}

/** What has been done to the system. */
export interface InjectedFaults {
  readonly kills: readonly Kill[];
  readonly pauseCount: number;
  readonly terminatedCount: number;
  readonly crashCount: number;
  readonly restartCounts: Readonly<Record<WayToStop, number>>;
  readonly failoverCount: number;
  readonly outages: readonly Outage[];
  readonly commits: InjectedCommitFaults;
  readonly blips: readonly Blip[];
  readonly limits: readonly TimeLimit[];
  /** Those that were had. */
  readonly locks: readonly TableLock[];
  readonly held: readonly HeldJobs[];
}
