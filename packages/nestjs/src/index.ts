export { AcmeModule, type AcmeAsyncOptions } from "./acme-module.ts";
export {
  EnqueueOn,
  HandleBeforeCommit,
  HandleEvent,
  PerformTask,
  type InjectedTransaction,
  type MethodDecoratorFor,
  type PayloadOf,
} from "./decorators.ts";
export { EVENT_BUS, InjectBus, InjectJobs, InjectUnitOfWork, JOBS, TASKS, UNIT_OF_WORK } from "./inject.ts";
export { nestLogger } from "./nest-logger.ts";
export type { AcmeOptions } from "./options.ts";
export { requestId, type RequestIdMiddleware } from "./request-id.ts";
