import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MemberName } from "./faults.ts";
import { type Incarnation, type IncarnationOptions, startIncarnation } from "./incarnation.ts";

/** One writer, worker or relay: a process that is started again whenever it ends, until it is stopped. */
export interface Member {
  readonly name: MemberName;
  /** SIGKILL. @returns which incarnation it hit, such as `worker-1#3` */
  kill(): string;
  /** SIGSTOP, and SIGCONT so many milliseconds later, or when this process ends. */
  pause(forMs: number): void;
  /** Asks it to finish what it does; resolves when it has ended. What it does not do in time is an anomaly. */
  stop(withinMs: number): Promise<void>;
  /** Ends it whatever it does, and it stays away. */
  destroy(): Promise<void>;
}

export interface MemberOptions extends IncarnationOptions {
  readonly logDirectory: string;
  /** It ended, or would not end, without having been asked to. */
  readonly onAnomaly: (what: string) => void;
}

const restartMs = 200;
const pauserFile = fileURLToPath(new URL("child/pauser.ts", import.meta.url));

export function startMember(options: MemberOptions): Member {
  const { name, onAnomaly } = options;
  const log = openSync(path.join(options.logDirectory, `${name}.log`), "a");
  let incarnationCount = 0;
  let isLeaving = false;
  let current = start();

  function start(): Incarnation {
    incarnationCount += 1;
    const incarnation = startIncarnation(incarnationCount, options, log);
    void startAgainAfter(incarnation);
    return incarnation;
  }

  async function startAgainAfter(incarnation: Incarnation): Promise<void> {
    const how = await incarnation.ended;
    if (isLeaving) return;
    if (!incarnation.isDoomed) {
      onAnomaly(`${incarnation.label} ended by itself: ${how}`);
      await pause(restartMs);
    }
    if (!isLeaving) current = start();
  }

  return {
    name,
    kill() {
      current.isDoomed = true;
      current.child.kill("SIGKILL");
      return current.label;
    },
    pause(forMs) {
      // A process of its own resumes the member, so that none stays stopped when this one is killed.
      const pauser = spawn(process.execPath, [pauserFile, String(current.child.pid), String(forMs)], {
        stdio: ["ignore", log, log, "ipc"],
      });
      pauser.unref();
      pauser.channel?.unref();
    },
    async stop(withinMs) {
      isLeaving = true;
      const { child, ended, label, isDoomed } = current;
      child.send("stop", () => undefined);
      const late = new AbortController();
      const how = await Promise.race([ended, pause(withinMs, "late", { signal: late.signal }).catch(() => "late")]);
      late.abort();
      if (how !== "exit code 0" && !isDoomed) onAnomaly(`${label} did not stop cleanly: ${how}`);
    },
    async destroy() {
      isLeaving = true;
      current.child.kill("SIGKILL");
      await current.ended;
      closeSync(log);
    },
  };
}
