import { isPromise } from "node:util/types";
import { DomainEventsError } from "../errors.ts";
import { fixedNow } from "./fixed-date.ts";
import { copyInto, deepestNesting, NestedTooDeep } from "./freeze-copy.ts";
import { processGlobal } from "../process-global.ts";
import { describeIssues } from "@acme/shared/describe-issues";
import type { SchemaResult, StandardSchema } from "@acme/shared/standard-schema";
import { uuidV7 } from "@acme/shared/uuid-v7";

/** What every event of a class made by {@link defineEvent} has besides its own properties. */
export interface DomainEvent {
  /** The stable name of the kind of event. Renaming or minifying the class does not change it. */
  readonly type: string;
  /** A UUIDv7, greater than the ids of all events made before in this process. */
  readonly eventId: string;
  /** The setters of this date throw, because handlers share it. Use `new Date(event.occurredAt)` for one to change. */
  readonly occurredAt: Date;
}

/**
 * The base class of all events made by {@link defineEvent}. A handler that is registered for it gets every one of them.
 *
 * There is one such class per process, even if the ESM and the CJS build are both loaded.
 *
 * @example
 * register(DomainEvent, function audit(event) {
 *   log(event.type, event.eventId);
 * });
 */
export const DomainEvent: abstract new (type: string) => DomainEvent = processGlobal(
  "DomainEvent",
  // The property gives the class its name.
  () =>
    ({
      DomainEvent: class {
        readonly type: string;
        readonly eventId: string = uuidV7();
        readonly occurredAt: Date = fixedNow();

        constructor(type: string) {
          this.type = type;
        }
      },
    }).DomainEvent,
);

const reservedNames = ["type", "eventId", "occurredAt"] as const;
type ReservedName = (typeof reservedNames)[number];

/** The properties of an event: any names but the three that every event has already. */
export type EventProperties = object & {
  readonly [Name in ReservedName]?: `"${Name}" is reserved: every event has its own`;
};

type EventArguments<Input> = [KeysOf<Input>] extends [never]
  ? []
  : object extends Input
    ? [props?: Input]
    : [props: Input];

/** The keys of all members of a union, where `keyof` has only the keys that all members share. */
type KeysOf<Properties> = Properties extends unknown ? keyof Properties : never;

/** A class of events, made by {@link defineEvent}. */
export interface EventClass<Type extends string, Input, Output = Input> {
  new (...props: EventArguments<Input>): DomainEvent & { readonly type: Type } & Readonly<Output>;
  readonly type: Type;
}

/** Any class whose instances are `Event`s. */
export type ClassOf<Event> = abstract new (...args: never[]) => Event;

/**
 * Makes the class of one kind of event, with a stable name and properties.
 *
 * An instance has `type`, `eventId`, `occurredAt` and its own properties. The schema checks them when the instance is
 * made. The instance is frozen, and plain objects and arrays inside are copied, so neither the caller nor a handler can
 * change it later. Instances of other classes (`Date`, `Map`, your own) are kept by reference. The class body stays
 * empty.
 *
 * TypeScript does not allow a class whose base is a union (TS2509). Give the event a property that is the union, or
 * declare the class and the type of its instances separately, as `OrderPaid` below.
 *
 * @param type 1 to 200 characters, unique in the application; keep it when the class is renamed.
 * @param schema any synchronous Standard Schema, or {@link props} for types without checks. Leave it out for an event
 * without properties.
 * @throws {@link DomainEventsError} `EVENT_NAME_INVALID`; when an instance is made: `EVENT_INVALID` with the paths and messages of the
 * schema's issues (never the values), or if the properties are an instance of a class with methods, which would be
 * lost; `SCHEMA_ASYNC` if the schema returns a promise.
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
  // If there is no schema, there are no properties at all, which is exactly what `{}` means here.
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
 * @throws Nothing.
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

/** The name of an event in logs and errors. */
export function eventTypeOf(event: object): string {
  try {
    const name: unknown = event instanceof DomainEvent ? event.type : event.constructor?.name;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // A class or a proxy may throw here, and logging must go on.
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
    // The event is refused either way, so a rejection of the schema's promise is not reported.
    result.catch(() => {});
    throw new DomainEventsError(
      "SCHEMA_ASYNC",
      `The schema of event "${type}" is asynchronous. An event is made synchronously: use a synchronous schema.`,
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

/**
 * The type of an event says that it has everything that its schema returns. Own fields are copied into the event, but
 * it has another prototype, so methods would be lost.
 */
function refuseMethods(type: string, properties: object): void {
  const prototypes = prototypesOf(properties);
  if (!prototypes.some((prototype) => Reflect.ownKeys(prototype).some((key) => key !== "constructor"))) return;
  const className = properties.constructor?.name || "a class";
  throw new DomainEventsError(
    "EVENT_INVALID",
    `Event "${type}" takes a plain object, not an instance of ${className}, whose methods and accessors would be lost. Make the instance one property of the event, or pass its fields as { … }.`,
  );
}

/** Leaves out the last prototype, which is the `Object.prototype` of some realm. */
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
      `Event "${type}" has objects or arrays nested deeper than ${deepestNesting} levels. Pass them as a list, or as text.`,
    );
  }
}
