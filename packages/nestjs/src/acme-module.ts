import { createEventBus, createUnitOfWork, type EventBus, type UnitOfWork } from "@acme/domain-events";
import { createJobs, type Jobs, type PerformableTask } from "@acme/jobs";
import type { DynamicModule, FactoryProvider, ModuleMetadata, Provider } from "@nestjs/common";
import { DiscoveryModule, DiscoveryService, HttpAdapterHost, MetadataScanner } from "@nestjs/core";
import { EVENT_BUS, JOBS, OPTIONS, TASKS, UNIT_OF_WORK } from "./inject.ts";
import { Lifecycle } from "./lifecycle.ts";
import { nestLogger } from "./nest-logger.ts";
import { type AcmeOptions, checkOptions } from "./options.ts";

/** The settings of {@link AcmeModule.forRootAsync}. */
export interface AcmeAsyncOptions<Tx = unknown> {
  readonly imports?: ModuleMetadata["imports"];
  /** What `useFactory` is called with. */
  readonly inject?: FactoryProvider["inject"];
  readonly useFactory: (...dependencies: never[]) => AcmeOptions<Tx> | Promise<AcmeOptions<Tx>>;
}

/**
 * Events, units of work and jobs of an application. It is global: import it once, in the root module.
 *
 * It registers the methods of all providers and controllers that have a decorator of this package, before any other module's
 * `onModuleInit`. It starts a worker when all modules have been initialized. At a stop, HTTP ends first, then the worker, the units of
 * work, the jobs, and last what `close` ends.
 *
 * @example
 * const imports = [AcmeModule.forRoot({ transactions: pgTransactions(pool), jobs: { connection: pool } })];
 */
export class AcmeModule {
  /**
   * With settings that are known when the module is declared.
   *
   * @throws a `JobsError` `OPTIONS_INVALID` for an option that does not exist.
   */
  static forRoot<Tx>(options: AcmeOptions<Tx>): DynamicModule {
    return moduleWith({ provide: OPTIONS, useValue: checkOptions(options) });
  }

  /** With settings that are made of other providers. */
  static forRootAsync<Tx>({ imports = [], inject = [], useFactory }: AcmeAsyncOptions<Tx>): DynamicModule {
    const make = useFactory as (...dependencies: unknown[]) => AcmeOptions<Tx> | Promise<AcmeOptions<Tx>>;
    const makeChecked = async (...dependencies: unknown[]) => checkOptions(await make(...dependencies));
    return moduleWith({ provide: OPTIONS, inject, useFactory: makeChecked }, imports);
  }
}

type Options = AcmeOptions<never>;

function moduleWith(options: Provider, imports: ModuleMetadata["imports"] = []): DynamicModule {
  return {
    module: AcmeModule,
    global: true,
    imports: [DiscoveryModule, ...imports],
    providers: [options, ...providers],
    exports: [EVENT_BUS, UNIT_OF_WORK, JOBS, TASKS],
  };
}

const providers: readonly FactoryProvider[] = [
  {
    provide: EVENT_BUS,
    inject: [OPTIONS],
    useFactory: (options: Options) => createEventBus({ logger: loggerOf(options), ...options.bus }),
  },
  {
    provide: UNIT_OF_WORK,
    inject: [OPTIONS, EVENT_BUS],
    useFactory: ({ transactions, unitOfWork }: Options, bus: EventBus<never>) =>
      createUnitOfWork<never>(transactions, { ...unitOfWork, bus }),
  },
  {
    provide: JOBS,
    inject: [OPTIONS],
    useFactory: (options: Options) => createJobs({ logger: loggerOf(options), ...options.jobs }),
  },
  { provide: TASKS, useFactory: (): PerformableTask[] => [] },
  {
    provide: Lifecycle,
    inject: [OPTIONS, EVENT_BUS, UNIT_OF_WORK, JOBS, TASKS, DiscoveryService, MetadataScanner, HttpAdapterHost],
    useFactory: (...given: Injected) => {
      const [options, bus, unitOfWork, jobs, tasks, discovery, scanner, http] = given;
      const logger = loggerOf(options);
      return new Lifecycle({ options, logger, bus, unitOfWork, jobs, tasks, discovery, scanner, http });
    },
  },
];

type Injected = [
  Options,
  EventBus<never>,
  UnitOfWork<never>,
  Jobs,
  PerformableTask[],
  DiscoveryService,
  MetadataScanner,
  HttpAdapterHost,
];

function loggerOf({ logger = nestLogger() }: Options) {
  return logger;
}
