import { graphileSchema } from "./schema.ts";

/** What a role needs on a table. */
export interface TableRights {
  readonly schema: string;
  readonly table: string;
  readonly rights: readonly Right[];
}

export type Right = "SELECT" | "INSERT" | "UPDATE" | "DELETE";

const on = (schema: string, table: string, ...rights: Right[]): TableRights => ({ schema, table, rights });
const graphile = (table: string, ...rights: Right[]) => on(graphileSchema, table, ...rights);
const own = (table: string, ...rights: Right[]) => on("acme_jobs", table, ...rights);

/** What the doctor and the lists of `jobs.admin` read. No payload is among it. */
export const rightsToRead: readonly TableRights[] = [
  graphile("jobs", "SELECT"),
  graphile("migrations", "SELECT"),
  graphile("_private_job_queues", "SELECT"),
  ...[
    "migrations",
    "installation",
    "workers",
    "tasks",
    "failures",
    "dead_letters",
    "sampler",
    "samples",
    "minutes",
    "schedules",
    "pauses",
  ].map((table) => own(table, "SELECT")),
];

/** What `add_jobs` needs, which runs with the rights of its caller. */
export const rightsToEnqueue: readonly TableRights[] = [
  graphile("_private_jobs", "SELECT", "INSERT", "UPDATE"),
  graphile("_private_job_queues", "SELECT", "INSERT"),
  graphile("_private_tasks", "SELECT", "INSERT"),
];

/** What an operator needs besides, to change jobs and dead letters and to recover dead workers. */
export const rightsToAct: readonly TableRights[] = [
  ...rightsToRead,
  ...rightsToEnqueue,
  graphile("_private_jobs", "UPDATE", "DELETE"),
  graphile("_private_job_queues", "UPDATE"),
  own("failures", "INSERT", "UPDATE", "DELETE"),
  own("dead_letters", "INSERT", "UPDATE", "DELETE"),
  own("workers", "UPDATE", "DELETE"),
  own("schedules", "UPDATE", "DELETE"),
  own("pauses", "INSERT", "DELETE"),
];

/** What a worker needs besides. */
export const rightsToWork: readonly TableRights[] = [
  ...rightsToAct,
  own("workers", "INSERT"),
  own("tasks", "INSERT", "UPDATE"),
  own("installation", "UPDATE"),
  own("sampler", "INSERT", "UPDATE"),
  own("samples", "INSERT", "UPDATE", "DELETE"),
  own("minutes", "INSERT", "UPDATE", "DELETE"),
  own("schedules", "INSERT"),
];
