import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Figures, World } from "../benchmark.ts";

/** Which case a process serves. */
export interface Assignment {
  readonly benchmark: string;
  readonly case: string;
  readonly world: World;
}

export type Request = { readonly run: string };
export type Answer = { readonly figures: Figures } | { readonly error: string };

/** A process in which contestants run. */
export interface ContestantProcess extends AsyncDisposable {
  run(contestant: string): Promise<Figures>;
}

const longestRunMs = 10 * 60_000;
const longestFarewellMs = 20_000;

export function startContestantProcess(assignment: Assignment): ContestantProcess {
  const file = fileURLToPath(new URL("../process/contestant.child.ts", import.meta.url));
  const child = fork(file, [JSON.stringify(assignment)], { serialization: "advanced" });

  return {
    async run(contestant) {
      const timer = setTimeout(() => child.kill("SIGKILL"), longestRunMs);
      try {
        child.send({ run: contestant } satisfies Request);
        const answer = await nextAnswer(child);
        if ("error" in answer) throw new Error(answer.error);
        return answer.figures;
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const timer = setTimeout(() => child.kill("SIGKILL"), longestFarewellMs);
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
      clearTimeout(timer);
    },
  };
}

async function nextAnswer(child: ChildProcess): Promise<Answer> {
  const answered = new AbortController();
  const { signal } = answered;
  try {
    // Whichever comes first takes the listeners of the other away.
    const [answer] = await Promise.race([
      once(child, "message", { signal }) as Promise<[Answer]>,
      once(child, "exit", { signal }).then(refuse),
    ]);
    return answer;
  } finally {
    answered.abort();
  }
}

function refuse(how: unknown[]): never {
  const [code, signal] = how as [number | null, string | null];
  throw new Error(`its process ended in the middle of a run (${signal ?? `exit code ${code}`})`);
}
