// What the calls of `jobs.admin` do, loaded together at the first of them.
export { createDoctor } from "../doctor/doctor.ts";
export { changeSelected } from "./change-selected.ts";
export { getJob, getPayload } from "./get-job.ts";
export { listPage } from "./list-page.ts";
export { listQueues } from "./named-queues.ts";
export { listOutbox } from "./outbox-page.ts";
export { listPauses, pause, resume } from "./pauses.ts";
export { readOverview } from "./overview.ts";
export { readTaskMinutes } from "./task-minutes.ts";
export { readTaskStatistics } from "./task-statistics.ts";
export { listWorkers } from "./worker-list.ts";
export { changeSchedule } from "./schedule-changes.ts";
export { listSchedules } from "./schedule-list.ts";
