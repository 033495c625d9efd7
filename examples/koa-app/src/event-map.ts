import { createEventBus } from "@acme/domain-events";
import { createEventMap } from "@acme/domain-events/map";
import { createJobs } from "@acme/jobs";
import type { Knex } from "knex";
import { registerHandlers } from "./handlers.ts";
import { createLogger } from "./logging/logger.ts";

// Prints what THE TABLE says, as the README shows it. No server is asked.
const bus = createEventBus<Knex.Transaction>();
await using jobs = createJobs({ connection: "postgres://nobody@localhost/none" });
registerHandlers({ bus, jobs, logger: createLogger({ level: "error" }) });
using map = createEventMap(bus);
process.stdout.write(map.toMermaid());
