import { assertEventPrototype, prototypeOf } from "../event/assert-event.ts";
import { DomainEventsError } from "../errors.ts";
import { type ClassOf, DomainEvent, eventTypeOf } from "../event/event.ts";
import { type AnyHandler, handlerName } from "./handler.ts";
import { type HandlersOf, sortByDelivery } from "./handlers-by-delivery.ts";

export type { Registration } from "./handlers-by-delivery.ts";

/**
 * The handlers registered for one class, in registration order, and the number of each registration. These are two
 * lists of plain values, because an object for each registration would take three times the memory.
 */
interface ClassRegistrations<in Tx> {
  readonly handlers: AnyHandler<Tx>[];
  readonly numbers: number[];
}

/**
 * The registrations of a bus at one moment. Once it was held or asked for handlers, it never changes again: registering
 * then makes a new object, so that a publish under way is not affected. Until then it grows in place; otherwise each
 * registration would copy all handlers.
 */
export class Registrations<in Tx> {
  readonly #byPrototype: Map<object, ClassRegistrations<Tx>>;
  readonly #found = new Map<object | null | undefined, HandlersOf<Tx>>();
  /** The classes whose lists are shared with no other object; `undefined` once nothing may change. */
  #own: Set<object> | undefined = new Set();

  constructor(byPrototype?: ReadonlyMap<object, ClassRegistrations<Tx>>) {
    this.#byPrototype = new Map(byPrototype);
  }

  /** From now on these registrations never change. */
  hold(): this {
    this.#own = undefined;
    return this;
  }

  /**
   * @param number greater than that of every registration before.
   * @throws {@link DomainEventsError} `EVENT_NAME_TAKEN` if another class has the same name.
   */
  with(eventClass: ClassOf<object>, number: number, handler: AnyHandler<Tx>): Registrations<Tx> {
    const prototype = eventClass.prototype as object;
    if (!this.#byPrototype.has(prototype)) this.#refuseSecondName(prototype);
    return this.#change(prototype, ({ handlers, numbers }) => {
      handlers.push(handler);
      numbers.push(number);
    });
  }

  without(eventClass: ClassOf<object>, number: number): Registrations<Tx> {
    const prototype = eventClass.prototype as object;
    const index = this.#byPrototype.get(prototype)?.numbers.indexOf(number) ?? -1;
    if (index === -1) return this;
    return this.#change(prototype, ({ handlers, numbers }) => {
      handlers.splice(index, 1);
      numbers.splice(index, 1);
    });
  }

  /** Of each class that has any, in the order in which the classes were first registered. */
  *all(): Generator<{ readonly eventType: string; readonly handler: AnyHandler<Tx> }> {
    for (const [prototype, { handlers }] of this.#byPrototype) {
      const eventType = nameOf(prototype) ?? eventTypeOf(prototype);
      for (const handler of handlers) yield { eventType, handler };
    }
  }

  of(event: object): HandlersOf<Tx> {
    const prototype = prototypeOf(event);
    return this.#found.get(prototype) ?? this.#find(prototype);
  }

  #change(prototype: object, change: (registrations: ClassRegistrations<Tx>) => void): Registrations<Tx> {
    const changed = this.#own ? this : new Registrations(this.#byPrototype);
    const known = changed.#byPrototype.get(prototype);
    const isOwn = known && changed.#own?.has(prototype);
    const own = isOwn ? known : { handlers: [...(known?.handlers ?? [])], numbers: [...(known?.numbers ?? [])] };
    change(own);
    if (own.handlers.length > 0) changed.#byPrototype.set(prototype, own);
    else changed.#byPrototype.delete(prototype);
    changed.#own?.add(prototype);
    return changed;
  }

  #find(prototype: object | null | undefined): HandlersOf<Tx> {
    assertEventPrototype(prototype);
    this.#refuseSecondName(prototype);
    const handlers = sortByDelivery(inOrder(this.#ofClassAndBases(prototype)));
    this.hold().#found.set(prototype, handlers);
    return handlers;
  }

  #ofClassAndBases(prototype: object): ClassRegistrations<Tx>[] {
    const registered: ClassRegistrations<Tx>[] = [];
    for (let base: object | null = prototype; base; base = Object.getPrototypeOf(base) as object | null) {
      const known = this.#byPrototype.get(base);
      if (known) registered.push(known);
    }
    return registered;
  }

  // A module that is loaded twice makes two classes with one name. Handlers of one class never get events of the other.
  #refuseSecondName(prototype: object): void {
    const type = nameOf(prototype);
    if (type === undefined) return;
    for (const [known, { handlers }] of this.#byPrototype) {
      if (nameOf(known) !== type || isOrExtends(prototype, known) || isOrExtends(known, prototype)) continue;
      throw nameTaken(type, handlers[0]);
    }
  }
}

function inOrder<Tx>(registered: readonly ClassRegistrations<Tx>[]): readonly AnyHandler<Tx>[] {
  const [only] = registered;
  if (only && registered.length === 1) return only.handlers;
  return registered
    .flatMap(({ handlers, numbers }) =>
      handlers.map((handler, index) => ({
        handler,
        number: numbers[index] ?? 0,
      })),
    )
    .toSorted((one, other) => one.number - other.number)
    .map(({ handler }) => handler);
}

function nameTaken(type: string, handler: AnyHandler<never> | undefined): DomainEventsError {
  return new DomainEventsError(
    "EVENT_NAME_TAKEN",
    `Two event classes are called "${type}", and "${handler ? handlerName(handler) : ""}" is registered for the other one. Give each event a name of ` +
      "its own; if there is one class only, its module is loaded twice: import it by one path and in one module format.",
  );
}

function isOrExtends(prototype: object, base: object): boolean {
  return prototype === base || Object.prototype.isPrototypeOf.call(base, prototype);
}

function nameOf(prototype: object): string | undefined {
  if (!isOrExtends(prototype, DomainEvent.prototype)) return undefined;
  const type: unknown = Reflect.get(prototype.constructor, "type");
  return typeof type === "string" ? type : undefined;
}

/** The name of an event class in logs and errors. */
export function classNameOf(eventClass: ClassOf<object>): string {
  return nameOf(eventClass.prototype as object) ?? eventTypeOf(eventClass.prototype as object);
}
