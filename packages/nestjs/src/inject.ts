import { Inject } from "@nestjs/common";

// Registered symbols: an application may load both builds, ESM and CJS.

/**
 * The token of the bus. Use it with `app.get()` and `overrideProvider()`.
 *
 * @example
 * import type { INestApplication } from "@nestjs/common";
 * const bus = (app: INestApplication) => app.get(EVENT_BUS);
 */
export const EVENT_BUS: unique symbol = Symbol.for("@acme/nestjs:bus");
/**
 * The token of the unit of work. Use it with `app.get()` and `overrideProvider()`.
 *
 * @example
 * import type { INestApplication } from "@nestjs/common";
 * const unit = (app: INestApplication) => app.get(UNIT_OF_WORK);
 */
export const UNIT_OF_WORK: unique symbol = Symbol.for("@acme/nestjs:unit-of-work");
/**
 * The token of the jobs. Use it with `app.get()` and `overrideProvider()`.
 *
 * @example
 * import type { INestApplication } from "@nestjs/common";
 * const jobsOf = (app: INestApplication) => app.get(JOBS);
 */
export const JOBS: unique symbol = Symbol.for("@acme/nestjs:jobs");
/**
 * The token of the tasks that the providers perform, in an array that is filled when the application starts.
 *
 * @example
 * import type { INestApplication } from "@nestjs/common";
 * import { drain } from "@acme/jobs/testing";
 * const runJobs = (app: INestApplication) => drain(app.get(JOBS), { tasks: app.get(TASKS) });
 */
export const TASKS: unique symbol = Symbol.for("@acme/nestjs:tasks");
export const OPTIONS: unique symbol = Symbol.for("@acme/nestjs:options");

/**
 * Injects the bus: an `EventBus` of `@acme/domain-events`.
 *
 * @throws Nothing.
 *
 * @example
 * import type { PoolClient } from "pg";
 * class Audit {
 *   constructor(@InjectBus() private readonly bus: EventBus<PoolClient>) {}
 * }
 */
export function InjectBus(): ParameterDecorator & PropertyDecorator {
  return Inject(EVENT_BUS);
}

/**
 * Injects the unit of work: a `UnitOfWork` of `@acme/domain-events`.
 *
 * @throws Nothing.
 *
 * @example
 * import type { PoolClient } from "pg";
 * class Orders {
 *   constructor(@InjectUnitOfWork() private readonly unitOfWork: UnitOfWork<PoolClient>) {}
 * }
 */
export function InjectUnitOfWork(): ParameterDecorator & PropertyDecorator {
  return Inject(UNIT_OF_WORK);
}

/**
 * Injects the jobs: the `Jobs` of `@acme/jobs`.
 *
 * @throws Nothing.
 *
 * @example
 * class Reminders {
 *   constructor(@InjectJobs() private readonly jobs: Jobs) {}
 * }
 */
export function InjectJobs(): ParameterDecorator & PropertyDecorator {
  return Inject(JOBS);
}
