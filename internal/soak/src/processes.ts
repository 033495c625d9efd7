import type { Message } from "./child/process.ts";
import { type MemberName, memberNames } from "./faults.ts";
import { type Member, startMember } from "./member.ts";
import type { Network } from "./network.ts";

/** All child processes of a soak. */
export interface Processes extends AsyncDisposable {
  member(name: MemberName): Member;
  /** Stops all members of a kind, and resolves when they have ended. */
  stop(kind: "writer" | "worker" | "relay"): Promise<void>;
  /** What processes did that nobody had asked them to. */
  readonly anomalies: readonly string[];
}

export interface ProcessesOptions {
  readonly network: Network;
  readonly seed: number;
  readonly logDirectory: string;
  readonly onMessage: (message: Message) => void;
}

/** A worker's own deadline is 25 s, and it may wait for the database after that. */
const stopWithinMs = 40_000;

export function startProcesses({ network, seed, logDirectory, onMessage }: ProcessesOptions): Processes {
  const anomalies: string[] = [];
  const onAnomaly = (what: string) => void anomalies.push(what);
  const members = new Map(
    memberNames.map((name, index) => {
      const env = {
        SOAK_APP_URL: network.proxy(name, "app").url,
        SOAK_JOBS_URL: network.proxy(name, "jobs").url,
      };
      const ownSeed = seed * 1_000_003 + index * 10_007;
      return [name, startMember({ name, env, seed: ownSeed, logDirectory, onMessage, onAnomaly })] as const;
    }),
  );

  return {
    member(name) {
      const member = members.get(name);
      if (member === undefined) throw new Error(`There is no member ${name}.`);
      return member;
    },
    async stop(kind) {
      const ofKind = [...members.values()].filter(({ name }) => name.startsWith(kind));
      await Promise.all(ofKind.map((member) => member.stop(stopWithinMs)));
    },
    anomalies,
    async [Symbol.asyncDispose]() {
      await Promise.all([...members.values()].map((member) => member.destroy()));
    },
  };
}
