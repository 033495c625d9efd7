import { execFile } from "node:child_process";
import { expect, it } from "vitest";
import { addLetters } from "../support/add-letters.ts";
import { addPlain } from "../support/add-plain.ts";
import { createTestJobs } from "../support/test-jobs.ts";
import { cliEnvironment, cliPath } from "./support/run-cli.ts";

it.each(["jobs list --limit 1000", "dead list --limit 1000 --json", "stats --format prometheus", "--help"])(
  "a pipe that is closed early is no error: %s | head -1",
  async (line) => {
    await using test = await createTestJobs();
    await addLetters(test.jobsPool, { count: 1_000, task: "t", reason: "x".repeat(200) });
    await addPlain(test.jobsPool, "t", 1_000);

    const { promise, resolve } = Promise.withResolvers<{ readonly stdout: string; readonly stderr: string }>();
    execFile(
      "bash",
      ["-c", `"$0" "$1" ${line} | head -1; echo "ended with \${PIPESTATUS[0]}"`, process.execPath, cliPath],
      { env: cliEnvironment({ DATABASE_URL: test.jobsUrl }) },
      (_error, stdout, stderr) => resolve({ stdout, stderr }),
    );
    const { stdout, stderr } = await promise;

    // 141: ended by SIGPIPE.
    expect(stdout).toMatch(/^.+\nended with (?:0|141)\n$/);
    expect(stderr.replace(/^There may be more: .*\n/, "")).toBe("");
  },
);
