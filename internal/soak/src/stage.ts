import type { Network } from "./network.ts";
import type { Processes } from "./processes.ts";
import type { Server } from "./server.ts";

/** Where faults happen. */
export interface Stage {
  readonly server: Server;
  readonly network: Network;
  readonly processes: Processes;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: (what: string) => void;
}
