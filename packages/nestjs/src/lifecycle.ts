import type { EventBus, UnitOfWork } from "@acme/domain-events";
import type { JobsError, Jobs, Logger, PerformableTask, Worker } from "@acme/jobs";
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleInit,
} from "@nestjs/common";
import type { DiscoveryService, HttpAdapterHost, MetadataScanner } from "@nestjs/core";
import { findMethods } from "./find-methods.ts";
import { drainHttp } from "./http-drain.ts";
import type { AcmeOptions } from "./options.ts";
import { registerMethods } from "./register-methods.ts";

export interface LifecycleDependencies {
  readonly options: AcmeOptions<never>;
  readonly logger: Logger;
  readonly bus: EventBus<never>;
  readonly unitOfWork: UnitOfWork<never>;
  readonly jobs: Jobs;
  /** Filled at the start. */
  readonly tasks: PerformableTask[];
  readonly discovery: DiscoveryService;
  readonly scanner: MetadataScanner;
  readonly http: HttpAdapterHost;
}

const defaultDeadlineMs = 25_000;

/** Starts and stops everything at the hooks of Nest. */
export class Lifecycle
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #parts: LifecycleDependencies;
  #unregister: (() => void) | undefined;
  #worker: Worker | undefined;
  #workerStopped: Promise<void> | undefined;
  #httpClosed: (() => void) | undefined;
  #deadline = 0;

  constructor(parts: LifecycleDependencies) {
    this.#parts = parts;
  }

  async onModuleInit(): Promise<void> {
    const { bus, jobs, tasks, unitOfWork, options } = this.#parts;
    this.#unregister = registerMethods(findMethods(this.#parts), { bus, jobs, tasks });
    if (options.migrate === false) return;
    await unitOfWork.migrate();
    await this.#migrateJobs();
  }

  /** With an outbox, an application serves without the jobs database, and its worker migrates later. */
  async #migrateJobs(): Promise<void> {
    const { jobs, logger, options } = this.#parts;
    if (options.jobs.connection === undefined) return await jobs.migrateOutbox();
    try {
      await jobs.migrate();
    } catch (error) {
      const isAway = (error as Partial<JobsError> | undefined)?.code === "JOBS_DATABASE_UNREACHABLE";
      if (!isAway || options.jobs.outbox === undefined) throw error;
      logger.warn({ err: error }, "the jobs database cannot be reached; jobs wait in the outbox");
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const { jobs, tasks, options } = this.#parts;
    const { worker = true, migrate = true, onWorkerFailed } = options;
    if (worker === false || tasks.length === 0) return;
    this.#worker = await jobs.startWorker({ migrate, ...(worker === true ? {} : worker), tasks });
    if (onWorkerFailed) this.#worker.finished.catch(onWorkerFailed);
  }

  /** The worker stops while the requests under way are answered, so that neither takes the time of the other. */
  beforeApplicationShutdown(): void {
    const deadlineMs = this.#parts.options.stopDeadlineMs ?? defaultDeadlineMs;
    this.#deadline = performance.now() + deadlineMs;
    this.#httpClosed = drainHttp(this.#parts.http.httpAdapter?.getHttpServer(), deadlineMs);
    this.#workerStopped = this.#try("the worker", () => this.#worker?.stop({ deadlineMs }));
  }

  /** Nest has closed the HTTP server by now. */
  async onApplicationShutdown(): Promise<void> {
    const { jobs, unitOfWork, logger, options } = this.#parts;
    this.#httpClosed?.();
    await this.#workerStopped;
    await this.#try("the unit of work", async () => {
      const deadlineMs = Math.max(0, this.#deadline - performance.now());
      const { dropped, unfinishedUnitCount } = await unitOfWork.stop({ deadlineMs });
      if (dropped.length + unfinishedUnitCount === 0) return;
      logger.warn({ dropped, unfinishedUnitCount }, "stopped before all units of work and handlers had ended");
    });
    this.#unregister?.();
    await this.#try("the jobs", () => jobs.close());
    await this.#try("close()", () => options.close?.());
  }

  /** What fails to stop must not keep the rest from stopping. */
  async #try(what: string, stop: () => unknown): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.#parts.logger.error({ err: error }, `${what} could not be stopped in order`);
    }
  }
}
