/** The indexes that Graphile Worker's tables have at the known revision. A test compares them with the database. */
export const graphileIndexes: readonly string[] = [
  "job_queues_pkey1",
  "job_queues_queue_name_key",
  "jobs_key_key1",
  "jobs_main_index",
  "jobs_no_queue_index",
  "jobs_pkey1",
  "known_crontabs_pkey",
  "migrations_pkey",
  "tasks_identifier_key",
  "tasks_pkey",
];
