import { compose } from "./composition.ts";
import { loadConfig, type Config } from "./config.ts";
import { choosePort, startServer } from "./http/server.ts";
import { loadLimitSecret } from "./local/limit-secret.ts";
import { createLogger } from "./logging/logger.ts";
import { runCommand, untilStopped } from "./run-command.ts";
import { startServices, type Services } from "./services.ts";
import { createStopDeadline } from "./stop-deadline.ts";
import { untilAborted } from "./until-aborted.ts";

await runCommand(async (context) => {
  const { resources, stop, stopSignal } = context;
  const config = await loadWebConfig();
  const logger = createLogger({ level: config.logLevel, onReaderGone: stop });
  const limitSecret = await loadLimitSecret(config);
  const services = await startServices(config, resources);
  stopSignal.throwIfAborted();

  const composition = compose({ config, services, logger, limitSecret });
  const deadline = createStopDeadline(config.stopDeadlineMs);
  resources.defer(() => composition.close({ deadlineMs: deadline.remainingMs() }));
  await untilAborted(composition.prepareDatabase(), stopSignal);

  const { backgroundJobs } = composition;
  resources.defer(() => backgroundJobs.stop({ deadlineMs: deadline.remainingMs() }));
  await untilAborted(backgroundJobs.start(), stopSignal);

  const server = await startServer(composition.app, config);
  // At once, so that whoever holds up the one does not take the time of the other.
  resources.defer(async () => {
    const deadlineMs = deadline.remainingMs();
    await Promise.all([server.stop({ deadlineMs }), backgroundJobs.stop({ deadlineMs })]);
  });
  logger.info({ host: config.host, port: config.port }, "server started");
  if (services.catcher !== undefined) process.stdout.write(welcome(config, services));

  await untilStopped(context);
  composition.announceStop();
  logger.info("stopping");
});

async function loadWebConfig(): Promise<Config> {
  const config = loadConfig(process.env);
  const port = await choosePort(config);
  return port === config.port ? config : loadConfig({ ...process.env, PORT: String(port) });
}

function welcome({ publicUrl, jobQueueEnabled }: Config, { catcher }: Services): string {
  const register = `curl -X POST ${publicUrl.origin}/auth/register -H 'content-type: application/json' -d '{"email":"ada@example.org"}'`;
  return [
    "",
    `  The app is ready. Open ${publicUrl.href} to register and to read the mails it sends.`,
    "",
    "  Or register from a shell:",
    `  ${register}`,
    "",
    catcher === undefined ? undefined : "  No mail leaves this machine: all of them are on that page.",
    jobQueueEnabled
      ? undefined
      : '  JOB_QUEUE_ENABLED is false: mails wait until "npm run worker" runs in another terminal.',
    "  Ctrl-C stops everything. The data stay for the next start.",
    "",
    "",
  ]
    .filter((line) => line !== undefined)
    .join("\n");
}
