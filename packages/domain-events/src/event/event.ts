import { isPromise } from "node:util/types";
import { DomainEventsError } from "../errors.ts";
import { fixedNow } from "./fixed-date.ts";
import { copyInto, deepestNesting, NestedTooDeep } from "./freeze-copy.ts";
import { processGlobal } from "../process-global.ts";
import { describeIssues } from "@acme/shared/describe-issues";
import type { SchemaResult, StandardSchema } from "@acme/shared/standard-schema";
import { uuidV7 } from "@acme/shared/uuid-v7";

/** What every event made by {@link defineEvent} carries besides its own properties. */
export interface DomainEvent {
  /** The stable name. It survives renaming the class, and minifiers. */
  readonly type: string;
  /** A UUIDv7: greater than that of every event made before in this process. */
  readonly eventId: string;
  /** Cannot be set, unlike other dates: handlers share it. `new Date(event.occurredAt)` can. */
  readonly occurredAt: Date;
}

/**
 * The base of all events made by {@link defineEvent}. Register a handler for it to see every one of them.
 *
 * It lives once per process, also when the ESM and the CJS build are both loaded.
 *
 * @example
 * register(DomainEvent, function audit(event) {
 *   log(event.type, event.eventId);
 * });
 */
export const DomainEvent: abstract new (type: string) => DomainEvent = processGlobal(
  "DomainEvent",
  () =>
    class {
      readonly type: string;
      readonly eventId: string = uuidV7();
      readonly occurredAt: Date = fixedNow();

      constructor(type: string) {
        this.type = type;
      }
    },
);

const reservedNames = ["type", "eventId", "occurredAt"] as const;
type ReservedName = (typeof reservedNames)[number];

/** Properties of an event: anything but the three names every event has already. */
export type EventProperties = object & {
  readonly [Name in ReservedName]?: `"${Name}" is reserved: every event has its own`;
};

type EventArguments<Input> = [KeysOf<Input>] extends [never]
  ? []
  : object extends Input
    ? [props?: Input]
    : [props: Input];

/** The keys of every member of a union; `keyof` has those that all of them share. */
type KeysOf<Properties> = Properties extends unknown ? keyof Properties : never;

/** A class of events, made by {@link defineEvent}. */
export interface EventClass<Type extends string, Input, Output = Input> {
  new (...props: EventArguments<Input>): DomainEvent & { readonly type: Type } & Readonly<Output>;
  readonly type: Type;
}

/** Any class whose instances are `Event`s. */
export type ClassOf<Event> = abstract new (...args: never[]) => Event;

/**
 * Makes the class of one kind of event: a stable name, and what it carries.
 *
 * An instance has `type`, `eventId`, `occurredAt` and its properties, is checked by the schema when it is made, and
 * frozen: plain objects and arrays inside are copied, so neither the caller nor a handler can change it later. Instances
 * of other classes (`Date`, `Map`, your own) are kept by reference. The class body stays empty.
 *
 * A union has no class: TypeScript refuses it as a base (TS2509). Give the event a property that is the union, or name
 * the class and its instances apart, as `OrderPaid` below.
 *
 * @param type 1 to 200 characters, unique in the application; keep it when the class is renamed.
 * @param schema any synchronous Standard Schema, or {@link props} for types without checks. Leave it out for an event
 * that carries nothing.
 * @throws {@link DomainEventsError} when an instance is made: `EVENT_INVALID` with the paths and messages of the schema's
 * issues (never the values), or when the properties are an instance of a class with methods, which would be lost;
 * `SCHEMA_ASYNC` when the schema answers with a promise.
 *
 * @example
 * class UserRegistered extends defineEvent("user.registered", props<{ userId: string }>()) {}
 * class CartEmptied extends defineEvent("cart.emptied") {}
 *
 * new UserRegistered({ userId: "7" }).userId;
 *
 * const OrderPaid = defineEvent("order.paid", props<{ by: "card"; last4: string } | { by: "cash" }>());
 * type OrderPaid = InstanceType<typeof OrderPaid>;
 */
export function defineEvent<
  const Type extends string,
  // Without a schema there are no properties at all, which is exactly what `{}` says here.
  // oxlint-disable-next-line typescript/no-empty-object-type, typescript/ban-types
  Input extends EventProperties = {},
  Output extends EventProperties = Input,
>(type: Type, schema?: StandardSchema<Input, Output>): EventClass<Type, Input, Output> {
  if (typeof type !== "string" || type.length === 0 || type.length > 200) {
    throw new DomainEventsError(
      "EVENT_NAME_INVALID",
      "defineEvent() takes a name of 1 to 200 characters first, such as defineEvent('user.registered').",
    );
  }

  const DefinedEvent = class extends DomainEvent {
    static readonly type = type;

    constructor(input: unknown = {}) {
      super(type);
      const properties = schema ? validate(type, schema, input) : {};
      refuseReserved(type, properties);
      carry(type, this, properties);
      Object.freeze(this);
    }
  };
  // TypeScript cannot see that a computed set of properties has been assigned in the constructor.
  return DefinedEvent as unknown as EventClass<Type, Input, Output>;
}

/**
 * A schema that checks types only and accepts every value at run time.
 *
 * @example
 * class UserRegistered extends defineEvent("user.registered", props<{ userId: string }>()) {}
 */
export function props<Properties extends EventProperties>(): StandardSchema<Properties> {
  return {
    "~standard": {
      version: 1,
      vendor: "@acme/domain-events",
      validate: (value) => ({ value: value as Properties }),
    },
  };
}

/** How an event is called in logs and errors. */
export function eventTypeOf(event: object): string {
  try {
    const name: unknown = event instanceof DomainEvent ? event.type : event.constructor?.name;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // Whatever a class or a proxy does: logging goes on.
  }
  return "an anonymous class";
}

export function eventIdOf(event: object): string | undefined {
  try {
    return "eventId" in event && typeof event.eventId === "string" ? event.eventId : undefined;
  } catch {
    return undefined;
  }
}

function validate<Input, Output>(type: string, schema: StandardSchema<Input, Output>, input: unknown): object {
  const result: SchemaResult<unknown> | Promise<SchemaResult<unknown>> = schema["~standard"].validate(input);
  if (isPromise(result)) {
    // Its rejection is not ours to report: the event is refused either way.
    result.catch(() => {});
    throw new DomainEventsError(
      "SCHEMA_ASYNC",
      `The schema of event "${type}" is asynchronous. An event is made synchronously: use a schema that answers at once.`,
    );
  }
  if (result.issues) {
    throw new DomainEventsError(
      "EVENT_INVALID",
      `Event "${type}" does not fit its schema: ${describeIssues(result.issues, input)}.`,
    );
  }
  if (typeof result.value !== "object" || result.value === null || Array.isArray(result.value)) {
    throw new DomainEventsError("EVENT_INVALID", `Event "${type}" takes an object of properties.`);
  }
  refuseMethods(type, result.value);
  return result.value;
}

/** The types of an event say that it has what its schema returns: fields it keeps, the prototype stays its own. */
function refuseMethods(type: string, properties: object): void {
  const prototypes = prototypesOf(properties);
  if (!prototypes.some((prototype) => Reflect.ownKeys(prototype).some((key) => key !== "constructor"))) return;
  const className = properties.constructor?.name || "a class";
  throw new DomainEventsError(
    "EVENT_INVALID",
    `Event "${type}" takes a plain object, not an instance of ${className}, whose methods and accessors it would lose. Make that one of its properties, or pass its fields as { … }.`,
  );
}

/** Without the last, which is the `Object.prototype` of some realm. */
function prototypesOf(value: object): object[] {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return [];
  return [prototype, ...prototypesOf(prototype)];
}

function refuseReserved(type: string, properties: object): void {
  const reserved = reservedNames.find((name) => Object.hasOwn(properties, name));
  if (!reserved) return;
  throw new DomainEventsError(
    "EVENT_INVALID",
    `Event "${type}" has a property "${reserved}", but every event has its own ${reservedNames.join(", ")}. Rename it.`,
  );
}

function carry(type: string, event: object, properties: object): void {
  try {
    copyInto(event, properties);
  } catch (error) {
    if (!(error instanceof NestedTooDeep)) throw error;
    throw new DomainEventsError(
      "EVENT_INVALID",
      `Event "${type}" carries objects or arrays nested deeper than ${deepestNesting}. Carry them as a list, or as text.`,
    );
  }
}
