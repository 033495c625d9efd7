import type { DurableHandler } from "./durable-handler.ts";
import { DomainEventsError } from "./errors.ts";
import { type ClassOf, DomainEvent, eventTypeOf } from "./event.ts";
import type { AfterCommitHandler, BeforeCommitHandler } from "./handler.ts";

export interface Registration<Kind> {
  readonly eventClass: ClassOf<object>;
  /** Stands in logs and errors. */
  readonly name: string;
  readonly handler: Kind;
}

/** The handlers of one class of events, base classes included, in registration order. */
export interface HandlersOf<in Tx> {
  readonly afterCommit: readonly Registration<AfterCommitHandler<object>>[];
  readonly beforeCommit: readonly Registration<BeforeCommitHandler<object, Tx>>[];
  readonly durable: readonly Registration<DurableHandler<object>>[];
  /** Those that need no transaction: afterCommit and durable ones. */
  readonly anywhere: readonly Registration<AfterCommitHandler<object> | DurableHandler<object>>[];
}

export type AnyRegistration<Tx> = Registration<
  AfterCommitHandler<object> | BeforeCommitHandler<object, Tx> | DurableHandler<object>
>;

/**
 * The registrations of a bus at one moment. It never changes: registering makes a new one, so that a publish which holds
 * this one is not disturbed.
 */
export class Registrations<in Tx> {
  readonly #all: readonly AnyRegistration<Tx>[];
  readonly #byPrototype = new Map<object | null, HandlersOf<Tx>>();

  constructor(all: readonly AnyRegistration<Tx>[] = []) {
    this.#all = all;
  }

  /** @throws {@link DomainEventsError} `EVENT_NAME_TAKEN` when another class has the name of this one. */
  with(registration: AnyRegistration<Tx>): Registrations<Tx> {
    this.#refuseSecondName(registration.eventClass.prototype as object);
    return new Registrations([...this.#all, registration]);
  }

  without(registration: AnyRegistration<Tx>): Registrations<Tx> {
    return new Registrations(this.#all.filter((other) => other !== registration));
  }

  of(event: object): HandlersOf<Tx> {
    if (typeof event !== "object" || event === null) throw notAnEvent();
    const prototype = Object.getPrototypeOf(event) as object | null;
    return this.#byPrototype.get(prototype) ?? this.#find(prototype);
  }

  #find(prototype: object | null): HandlersOf<Tx> {
    if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) throw notAnEvent();
    this.#refuseSecondName(prototype);
    const handlers = sort(this.#all.filter((registration) => isOrExtends(prototype, prototypeOf(registration))));
    this.#byPrototype.set(prototype, handlers);
    return handlers;
  }

  // A module that was loaded twice makes two classes of one name, and handlers of one never see events of the other.
  #refuseSecondName(prototype: object): void {
    const type = nameOf(prototype);
    if (type === undefined) return;
    const other = this.#all.find((registration) => {
      const known = prototypeOf(registration);
      return nameOf(known) === type && !isOrExtends(prototype, known) && !isOrExtends(known, prototype);
    });
    if (!other) return;
    throw new DomainEventsError(
      "EVENT_NAME_TAKEN",
      `Two event classes are called "${type}", and "${other.name}" is registered for the other one. Give each event a name of ` +
        "its own; if there is one class only, its module is loaded twice: import it by one path and in one module format.",
    );
  }
}

function notAnEvent(): DomainEventsError {
  return new DomainEventsError(
    "EVENT_INVALID",
    "An event is an instance of a class: publish(new UserRegistered({ … })), where UserRegistered extends defineEvent(…).",
  );
}

function sort<Tx>(matching: readonly AnyRegistration<Tx>[]): HandlersOf<Tx> {
  return {
    afterCommit: matching.filter(isAfterCommit),
    beforeCommit: matching.filter(isBeforeCommit),
    durable: matching.filter(isDurable),
    anywhere: matching.filter(
      (registration): registration is Registration<AfterCommitHandler<object> | DurableHandler<object>> =>
        isAfterCommit(registration) || isDurable(registration),
    ),
  };
}

function isAfterCommit(registration: Registration<unknown>): registration is Registration<AfterCommitHandler<object>> {
  return typeof registration.handler === "function";
}

function isBeforeCommit<Tx>(
  registration: AnyRegistration<Tx>,
): registration is Registration<BeforeCommitHandler<object, Tx>> {
  return typeof registration.handler === "object" && registration.handler.delivery === "beforeCommit";
}

function isDurable<Tx>(registration: AnyRegistration<Tx>): registration is Registration<DurableHandler<object>> {
  return typeof registration.handler === "object" && registration.handler.delivery === "durable";
}

function prototypeOf(registration: Registration<unknown>): object {
  return registration.eventClass.prototype as object;
}

function isOrExtends(prototype: object, base: object): boolean {
  return prototype === base || Object.prototype.isPrototypeOf.call(base, prototype);
}

function nameOf(prototype: object): string | undefined {
  if (!isOrExtends(prototype, DomainEvent.prototype)) return undefined;
  const type: unknown = Reflect.get(prototype.constructor, "type");
  return typeof type === "string" ? type : undefined;
}

/** How an event class is called in logs and errors. */
export function classNameOf(eventClass: ClassOf<object>): string {
  return nameOf(eventClass.prototype as object) ?? eventTypeOf(eventClass.prototype as object);
}
