import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Message } from "./child/process.ts";
import type { MemberName } from "./faults.ts";

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

export interface MemberOptions {
  readonly name: MemberName;
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly logDirectory: string;
  readonly onMessage: (message: Message) => void;
  /** It ended, or would not end, without having been asked to. */
  readonly onAnomaly: (what: string) => void;
}

const restartMs = 200;
const pauserFile = fileURLToPath(new URL("child/pauser.ts", import.meta.url));

export function startMember(options: MemberOptions): Member {
  const { name, onAnomaly } = options;
  const log = openSync(path.join(options.logDirectory, `${name}.log`), "a");
  const file = fileURLToPath(new URL(`child/${name.replace(/-\d+$/, "")}.ts`, import.meta.url));
  let incarnation = 0;
  let isLeaving = false;
  let current = start();

  function start(): Running {
    incarnation += 1;
    const label = `${name}#${incarnation}`;
    const child = spawn(process.execPath, ["--unhandled-rejections=strict", file], {
      env: { ...process.env, ...options.env, SOAK_NAME: label, SOAK_SEED: String(options.seed + incarnation) },
      stdio: ["ignore", log, log, "ipc"],
    });
    const note = { at: new Date().toISOString(), name: label, message: "started", pid: child.pid };
    writeSync(log, `${JSON.stringify(note)}\n`);
    child.on("message", (message) => options.onMessage(message as Message));
    const killAtExit = () => void child.kill("SIGKILL");
    process.once("exit", killAtExit);
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    const running: Running = { child, label, ended, isDoomed: false };
    void startAgainAfter(running, killAtExit);
    return running;
  }

  async function startAgainAfter(running: Running, killAtExit: () => void): Promise<void> {
    const how = await running.ended;
    process.off("exit", killAtExit);
    if (isLeaving) return;
    if (!running.isDoomed) {
      onAnomaly(`${running.label} ended by itself: ${how}`);
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

interface Running {
  readonly child: ChildProcess;
  readonly label: string;
  /** How it ended. */
  readonly ended: Promise<string>;
  /** It has been killed on purpose. */
  isDoomed: boolean;
}
