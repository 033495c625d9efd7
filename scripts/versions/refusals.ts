// What an older PostgreSQL is told: run in a project that has the packages.
// oxlint-disable import/no-named-as-default-member -- the oldest pg has no named exports for ES modules.
import assert from "node:assert/strict";
import { createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import pg from "pg";

const connection = String(process.env["DATA_URL"]);
const pool = new pg.Pool({ connectionString: connection, max: 1 });
const jobs = createJobs({ connection });
const outbox = createJobs({ outbox: { connection: pool } });
const refused = { code: "DATABASE_UNSUPPORTED", message: /PostgreSQL 13 or later/ };

await assert.rejects(async () => createUnitOfWork(pgTransactions(pool)).run(() => {}), refused);
await assert.rejects(jobs.migrate(), refused);
await assert.rejects(outbox.migrateOutbox(), refused);
console.log("refused, and says which version it needs");
await jobs.close();
await outbox.close();
await pool.end();
process.disconnect?.();
