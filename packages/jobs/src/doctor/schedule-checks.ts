import type { Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { duration, few, named, shellWord } from "./words.ts";
import { readTroubledSchedules, type TroubledSchedule } from "../schedule/troubled-schedules.ts";

/** Schedules that do not do what the code says. */
export async function checkSchedules({ db, thresholds }: Target): Promise<readonly Finding[]> {
  const troubled = await readTroubledSchedules(db, thresholds);
  const of = (trouble: TroubledSchedule["trouble"]) => troubled.filter((each) => each.trouble === trouble);
  return [...late(of("late")), ...undeclared(of("undeclared")), ...disputed(of("disputed"))];
}

function late(schedules: readonly TroubledSchedule[]): Finding[] {
  const [first] = schedules;
  if (first === undefined) return [];
  return [
    finding({
      code: "SCHEDULE_LATE",
      severity: "error",
      what: `The tick of ${list(schedules)} is late, at most by ${duration(longest(schedules))}, although a worker has the schedule.`,
      why:
        first.failure === null
          ? "No worker could enqueue its job."
          : `Its job cannot be made: ${named(first.failure).slice(1, -1)}`,
      mend: "Look for the name of the schedule in the logs of the workers. The tick is made up for as its backfill says.",
      command: "acme-jobs schedules list",
    }),
  ];
}

function undeclared(schedules: readonly TroubledSchedule[]): Finding[] {
  const [first] = schedules;
  if (first === undefined) return [];
  return [
    finding({
      code: "SCHEDULE_UNDECLARED",
      severity: "warning",
      what: `No worker has had ${list(schedules)} for ${duration(longest(schedules))}.`,
      why: "The ticks of a schedule come only while a worker has it in its code.",
      mend: "Start a worker that has it. If it has left the code for good, remove it here, too.",
      command: `acme-jobs schedules remove ${shellWord(first.name)}`,
    }),
  ];
}

function disputed(schedules: readonly TroubledSchedule[]): Finding[] {
  if (schedules.length === 0) return [];
  return [
    finding({
      code: "SCHEDULE_DISPUTED",
      severity: "warning",
      what: `Workers disagree about ${list(schedules)}.`,
      why: "Two versions of the code run side by side, or two schedules have one name. What was declared last counts.",
      mend: "Finish the deployment, or give one of them another name.",
      command: "acme-jobs workers",
    }),
  ];
}

function list(schedules: readonly TroubledSchedule[]): string {
  return `the schedule${schedules.length === 1 ? "" : "s"} ${few(schedules.map(({ name }) => named(name)))}`;
}

function longest(schedules: readonly TroubledSchedule[]): number {
  return Math.max(...schedules.map(({ ageMs }) => ageMs));
}
