// The same shop, whose jobs are in its database: an earlier deploy has made their tables.
import { createJobs, defineTask } from "@acme/jobs";
import { Pool } from "pg";
import { z } from "zod";

export * from "./shop.ts";

const connection = String(process.env["DATABASE_URL"]);
const jobsOfBefore = createJobs({ connection });
await jobsOfBefore.migrate();
await jobsOfBefore.close();

const pool = new Pool({ connectionString: connection });
const outboxOfBefore = createJobs({ connection, outbox: { connection: pool } });
await outboxOfBefore.migrateOutbox();
await outboxOfBefore.close();
await pool.end();

export const sendReceipt = defineTask("send_receipt", { payload: z.object({ orderId: z.uuid() }) });
