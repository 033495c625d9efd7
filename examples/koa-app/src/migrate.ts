import { compose } from "./composition.ts";
import { loadConfig } from "./config.ts";
import { createLogger } from "./logging/logger.ts";
import { runCommand } from "./run-command.ts";
import { findServices, startServices } from "./services.ts";
import { StartupError } from "./startup-error.ts";
import { untilAborted } from "./until-aborted.ts";

await runCommand(async ({ resources, stop, stopSignal }) => {
  // The tables of a worker that runs alone, too: it has no other settings.
  const config = { ...loadConfig(process.env), autoMigrate: true, jobQueueEnabled: true };
  const logger = createLogger({ level: config.logLevel, onReaderGone: stop });
  // The embedded database may be running already; if not, it is started for the time this takes.
  const services = await findServices(config).catch(async (error: unknown) => {
    if (error instanceof StartupError && error.code === "LOCAL_SERVICES_MISSING")
      return await startServices(config, resources);
    throw error;
  });

  const composition = compose({ config, services, logger });
  resources.defer(() => composition.close());
  await untilAborted(composition.prepareDatabase(), stopSignal);
  await untilAborted(composition.prepareJobs(), stopSignal);
  logger.info("migrated");
});
