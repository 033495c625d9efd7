import { describe, expect, it } from "vitest";
import { createTestJobs } from "../support/test-jobs.ts";
import { cliOn } from "./support/run-cli.ts";

describe("pause and resume", () => {
  it("say what they did, and when the name may be wrong", async () => {
    await using test = await createTestJobs();
    const run = cliOn(test.jobsUrl);

    const asked = await run("pause --task mail");
    const tried = await run("pause --task mail --dry-run");
    expect(await test.jobs.admin.pauses()).toEqual([]);
    const paused = await run("pause --task mail --yes --reason INC-7");
    const listed = await run("pauses");
    const resumed = await run("resume --task mail --yes --json");
    const again = await run("resume --task mail --yes");

    expect(asked).toMatchObject({ exitCode: 2, stdout: "" });
    expect(tried).toMatchObject({ exitCode: 0, stdout: "Would pause task mail. Its jobs wait until it is resumed.\n" });
    expect(paused).toMatchObject({ exitCode: 0, stdout: "Paused task mail.\n" });
    expect(paused.stderr).toContain("No worker has had task mail yet: the name may be wrong.");
    expect(paused.stderr).toContain("Reason: INC-7");
    expect(listed.stdout).toMatch(/^task mail, .*, unknown\n$/);
    expect(JSON.parse(resumed.stdout)).toEqual({ what: { task: "mail" }, isChanged: true });
    expect(again).toMatchObject({ exitCode: 1, stdout: "Nobody has paused task mail.\n" });
  });

  it.each(["pause --yes", "pause --task a --queue b --yes", "resume --everything --task a --yes"])(
    "want one thing: %s",
    async (line) => {
      await using test = await createTestJobs();

      const { exitCode, stderr } = await cliOn(test.jobsUrl)(line);

      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringContaining("Say one of --task, --queue and --everything.") as string,
      });
    },
  );
});
