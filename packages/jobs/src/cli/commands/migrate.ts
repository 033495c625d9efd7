import { createCommand } from "../command.ts";
import { internalsOf } from "../../internals.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";

/** `migrate`: creates or updates the tables. */
export function addMigrateCommand(program: Program, run: Run): void {
  const migrate = createCommand("migrate", {
    description: "Create or update the tables of both databases.",
    examples: ["migrate --dry-run", "migrate"],
  })
    .option("--dry-run", "print the SQL, and change nothing")
    .option("--end-older-workers", "also if that ends plain Graphile Workers of versions up to 0.16");
  migrate.action(({ dryRun, endOlderWorkers }) =>
    run(async (context) => {
      const { output } = context;
      const jobs = await context.openJobs();
      if (dryRun) {
        const { planMigration } = await import("../../plan-migration.ts");
        const steps = await withinTimeout(context, planMigration(internalsOf(jobs)));
        return output.result({ dryRun: true, steps }, () =>
          steps.length === 0
            ? "-- The tables are up to date."
            : steps.map(({ where, what, sql }) => `-- ${where}: ${what}\n${sql}`).join("\n\n"),
        );
      }
      await jobs.migrate({ ...(endOlderWorkers && { endOlderWorkers }) });
      output.result({ migrated: true }, () => "The tables are up to date.");
    }),
  );
  program.addCommand(migrate);
}
