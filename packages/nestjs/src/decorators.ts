import type { BeforeCommitContext, ClassOf, DefaultTransaction, HandlerContext } from "@acme/domain-events";
import { JobsError, type AttemptContext, type DurableOptions, type Task } from "@acme/jobs";
import { addRole, type Role } from "./metadata.ts";

/** A decorator for methods of instances that can be called as `Method`. */
export type MethodDecoratorFor<Method> = <Decorated extends Method>(
  // Only a class has a `prototype`, so this refuses static methods.
  target: object & { readonly prototype?: never },
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Decorated>,
) => void;

/**
 * What the code of a task gets: the output of its schema.
 *
 * @example
 * async function send({ userId }: PayloadOf<typeof sendVerificationEmail>) {}
 */
export type PayloadOf<Performed> =
  Performed extends Task<string, unknown, infer Output>
    ? Output
    : Performed extends Task<string, never, infer Output>
      ? Output
      : never;

/** The transaction of `DefaultBus`, if the application has declared one; otherwise a method may name any type. */
export type InjectedTransaction = unknown extends DefaultTransaction ? never : DefaultTransaction;

/**
 * Calls the method after the commit, in process, with each event of this class and its subclasses. If it fails, the others still run,
 * and the failure is logged.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` for what is no class, when the class is defined.
 *
 * @example
 * class Greeter {
 *   @HandleEvent(UserRegistered)
 *   greet(event: UserRegistered) {}
 * }
 */
export function HandleEvent<Event extends object>(
  eventClass: ClassOf<Event>,
): MethodDecoratorFor<(event: Event, context: HandlerContext) => unknown> {
  checkClass("HandleEvent", eventClass);
  return decorate({ kind: "afterCommit", eventClass });
}

/**
 * Calls the method inside the transaction that recorded the event. If it fails, the unit of work rolls back.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` for what is no class, when the class is defined.
 *
 * @example
 * class Audit {
 *   @HandleBeforeCommit(UserRegistered)
 *   async write(event: UserRegistered, { tx }: BeforeCommitContext<Knex.Transaction>) {
 *     await tx("audit").insert({ event_id: event.eventId });
 *   }
 * }
 */
export function HandleBeforeCommit<Event extends object>(
  eventClass: ClassOf<Event>,
): MethodDecoratorFor<(event: Event, context: BeforeCommitContext<InjectedTransaction>) => unknown> {
  checkClass("HandleBeforeCommit", eventClass);
  return decorate({ kind: "beforeCommit", eventClass });
}

/**
 * Enqueues the task with what the method returns, in the transaction that recorded the event. The method is synchronous.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` for what is no class or no task, when the class is defined.
 *
 * @example
 * class Mails {
 *   @EnqueueOn(UserRegistered, sendVerificationEmail)
 *   toPayload(event: UserRegistered) {
 *     return { userId: event.userId };
 *   }
 * }
 */
export function EnqueueOn<Event extends object, Input>(
  eventClass: ClassOf<Event>,
  task: Task<string, Input, unknown>,
  options?: DurableOptions<Event>,
): MethodDecoratorFor<(event: Event) => Input> {
  checkClass("EnqueueOn", eventClass);
  checkTask("EnqueueOn", task);
  return decorate({
    kind: "durable",
    eventClass,
    task,
    options: options as DurableOptions<object> | undefined,
  });
}

/**
 * Makes the method the code of a task. A worker of this process calls it at least once per job.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` for what is no task, when the class is defined.
 *
 * @example
 * class Mails {
 *   @PerformTask(sendVerificationEmail)
 *   async send({ userId }: PayloadOf<typeof sendVerificationEmail>, { signal }: AttemptContext) {
 *     await mailer.send({ to: userId, text: "…" }, { signal });
 *   }
 * }
 */
export function PerformTask<Input, Output>(
  task: Task<string, Input, Output>,
): MethodDecoratorFor<(payload: Output, context: AttemptContext) => unknown> {
  checkTask("PerformTask", task);
  return decorate({ kind: "task", task });
}

function decorate<Method>(role: Role): MethodDecoratorFor<Method> {
  return (_target, _name, descriptor) => {
    if (descriptor.value !== undefined) addRole(descriptor.value as object, role);
  };
}

function checkClass(decorator: string, eventClass: unknown): void {
  if (typeof eventClass === "function") return;
  throw invalid(
    `@${decorator}() takes the class of an event. If it is undefined, two modules import each other in a circle.`,
  );
}

function checkTask(decorator: string, task: unknown): void {
  if (typeof task === "object" && task !== null && "payload" in task && "name" in task) return;
  throw invalid(
    `@${decorator}() takes what defineTask() returned. If it is undefined, two modules import each other in a circle.`,
  );
}

function invalid(message: string): JobsError {
  return new JobsError("HANDLER_INVALID", message);
}
