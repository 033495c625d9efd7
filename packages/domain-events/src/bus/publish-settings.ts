import type { HandlerFailure } from "../errors.ts";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import type { WatchableLifecycle } from "./lifecycle.ts";
import type { Logger } from "@acme/shared/logger";
import { needsUnitOfWork } from "./publish-errors.ts";
import type { Registrations } from "./registrations.ts";

export interface PublishSettings {
  readonly logger: Logger;
  readonly lifecycle: WatchableLifecycle;
  readonly failFast: boolean;
  readonly handlerTimeoutMs: number | undefined;
}

/** How to publish, with the registrations of one moment. */
export interface Publishing<Outcome> {
  readonly settings: PublishSettings;
  readonly registrations: Registrations<never>;
  /** Turns the failures, which are logged already, into the result or the error of publishing. */
  readonly conclude: (failures: readonly HandlerFailure[], settings: PublishSettings) => Outcome;
}

/** @throws {@link DomainEventsError} `NEEDS_UNIT_OF_WORK`. */
export function handlersWithoutTransaction(
  registrations: Registrations<never>,
  event: object,
): readonly InProcessHandler[] {
  const { beforeCommit, anywhere } = registrations.of(event);
  // Reading the first element of an empty list would take longer than reading its length.
  if (beforeCommit.length > 0) throw needsUnitOfWork(event, beforeCommit[0]?.name);
  return anywhere;
}
