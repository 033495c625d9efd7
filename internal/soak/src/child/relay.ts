import { createJobs } from "@acme/jobs";
import { end, logger, stopRequested, urls } from "./process.ts";

const jobs = createJobs({ connection: urls.jobs, outbox: { connection: urls.app }, logger });
const relay = jobs.startRelay();

await stopRequested;
await relay.stop();
await jobs.close();
end();
