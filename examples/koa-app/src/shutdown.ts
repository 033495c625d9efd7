import type { Jobs } from "@acme/jobs";
import type { AppDatabase } from "./app-database.ts";
import { closesInTime } from "./close-in-time.ts";
import type { BurstLog } from "./logging/burst-log.ts";
import type { Logger } from "./logging/logger.ts";
import type { Mailer } from "./mailer/mailer.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** The end of the app: what works ends first, then what it works with. */
export interface Shutdown {
  readonly isAnnounced: boolean;
  announce(): void;
  /** Closes everything, once; who asks again waits for the same end. */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

export function createShutdown({ unitOfWork, burstLogs, mailer, jobs, database, logger }: ShutdownNeeds): Shutdown {
  let isAnnounced = false;
  let closed: Promise<void> | undefined;

  return {
    get isAnnounced() {
      return isAnnounced;
    },
    announce() {
      isAnnounced = true;
    },
    close: ({ deadlineMs }) => (closed ??= close(deadlineMs)),
  };

  async function close(deadlineMs: number): Promise<void> {
    const { dropped, unfinishedUnitCount } = await unitOfWork.stop({ deadlineMs });
    if (dropped.length + unfinishedUnitCount > 0) {
      logger.warn({ dropped, unfinishedUnitCount }, "stopped before all units of work and handlers had ended");
    }
    for (const burstLog of burstLogs) burstLog.flush();
    mailer.close();
    const closing = jobs.close().then(() => database.close());
    if (await closesInTime(closing, { withinMs: closeGraceMs })) return;
    logger.warn("database connections were still in use; the process ends without them");
  }
}

interface ShutdownNeeds {
  readonly unitOfWork: UnitOfWork;
  readonly burstLogs: readonly BurstLog[];
  readonly mailer: Mailer;
  readonly jobs: Jobs;
  readonly database: AppDatabase;
  readonly logger: Logger;
}

/** Connections that nobody uses close at once. */
const closeGraceMs = 2_000;
