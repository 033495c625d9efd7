// What the promises at the core are tried with. Raise these on purpose; docs/releases.md names them, too.

/** Of each supported version of PostgreSQL the newest whose programs npm has; 12 is refused. */
export const postgresVersions = {
  13: "13.23.0-beta.16",
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
} as const;

export const refusedPostgres = "12.22.0-beta.15";

/** The ends of the ranges of peer dependencies. */
export const drivers = {
  oldest: { pg: "8.0.3", knex: "3.0.1" },
  newest: { pg: "8.23.1", knex: "3.3.0" },
} as const;
