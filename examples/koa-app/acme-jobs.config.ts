import { createJobs, defineConfig } from "@acme/jobs";
import { compose } from "./src/composition.ts";
import { loadConfig } from "./src/config.ts";
import { createLogger } from "./src/logging/logger.ts";
import { findServices } from "./src/services.ts";

// What `npm run jobs` works on: the databases of the settings, or the embedded ones of a running `npm start`.
const config = loadConfig(process.env);
const services = await findServices(config);
const { databaseUrl, jobQueueDatabaseUrl = databaseUrl } = services;
// Standard output is for results.
const logger = createLogger({ level: "warn", destination: process.stderr });

export default defineConfig({
  jobs: createJobs({ connection: jobQueueDatabaseUrl, outbox: { connection: databaseUrl }, logger }),
  tasks: compose({ config, services, logger }).tasks,
});
