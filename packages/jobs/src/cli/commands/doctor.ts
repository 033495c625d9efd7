import { untilAborted } from "@acme/shared/timeout";
import { createCommand } from "../command.ts";
import { renderFindings } from "../render/findings.ts";
import type { Program, Run } from "../program.ts";

/** `doctor`: everything that is known to go wrong. */
export function addDoctorCommand(program: Program, run: Run): void {
  const doctor = createCommand("doctor", {
    description: "Look for what is wrong, and say what mends it. Exits with 1 if something is left.",
    examples: ["doctor", "doctor --fix"],
  }).option("--fix", "mend what can be mended without harm");
  doctor.action(({ fix }) =>
    run(async ({ openJobs, output, signal }) => {
      const { admin } = await openJobs();
      const findings = await untilAborted(signal, admin.doctor({ fix: fix === true }));
      output.result({ findings }, () =>
        findings.length === 0 ? "Nothing is wrong." : renderFindings(findings, { withWhy: true }),
      );
      return findings.every(({ isMended }) => isMended) ? 0 : 1;
    }),
  );
  program.addCommand(doctor);
}
