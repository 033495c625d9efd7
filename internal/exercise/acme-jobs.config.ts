import { defineConfig } from "@acme/jobs";
import { Pool } from "pg";
import { createShopTasks } from "./src/shop-tasks.ts";

// What `acme-jobs worker` runs in the exercise. The database is the one that the exercise prints.
const pool = new Pool({ connectionString: process.env["JOB_QUEUE_DATABASE_URL"], allowExitOnIdle: true });
pool.on("error", () => undefined);

export default defineConfig({ tasks: createShopTasks(pool) });
