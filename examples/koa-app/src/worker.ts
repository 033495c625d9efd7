import { compose } from "./composition.ts";
import { loadConfig } from "./config.ts";
import { isRunning } from "./local/runtime-file.ts";
import { createLogger } from "./logging/logger.ts";
import { pause, runCommand } from "./run-command.ts";
import { findServices } from "./services.ts";
import { StartupError } from "./startup-error.ts";
import { createStopDeadline } from "./stop-deadline.ts";
import { untilAborted } from "./until-aborted.ts";

await runCommand(async ({ resources, stop, stopSignal }) => {
  const { ownerPid, ownerSettings, ...services } = await findServices(loadConfig(process.env));
  // Links lead to where the app answers, which need not be this environment's PORT, and its mails have one sender.
  const config = {
    ...loadConfig(process.env, ownerSettings),
    // A worker is what JOB_QUEUE_ENABLED=false leaves to another process: to this one.
    jobQueueEnabled: true,
  };
  const logger = createLogger({ level: config.logLevel, onReaderGone: stop });

  const composition = compose({ config, services, logger });
  const deadline = createStopDeadline(config.stopDeadlineMs);
  resources.defer(() => composition.close({ deadlineMs: deadline.remainingMs() }));
  await untilAborted(composition.prepareDatabase(), stopSignal);

  const { backgroundJobs } = composition;
  resources.defer(() => backgroundJobs.stop({ deadlineMs: deadline.remainingMs() }));
  await untilAborted(backgroundJobs.start(), stopSignal);

  const untilTold = async () => {
    while (!stopSignal.aborted) {
      await pause(1_000, stopSignal);
      if (ownerPid !== undefined && !isRunning(ownerPid)) throw ownerGone();
    }
  };
  // A worker that cannot go on ends the process: whoever starts it again should know.
  await Promise.race([untilTold(), backgroundJobs.finished]);
  logger.info("stopping");
});

function ownerGone(): StartupError {
  return new StartupError(
    "LOCAL_SERVICES_MISSING",
    'The embedded servers are gone, because their "npm start" has ended. Start it again, then this worker.',
  );
}
