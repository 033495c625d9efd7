import { defineEvent, type EventClass, props } from "@acme/domain-events";

type Registration = { userId: string };
const UserRegisteredBase: EventClass<"user.registered", Registration> = defineEvent(
  "user.registered",
  props<Registration>(),
);
export class UserRegistered extends UserRegisteredBase {}

export const userId: string = new UserRegistered({ userId: "7" }).userId;
// @ts-expect-error -- a property is missing.
export const incomplete = (): UserRegistered => new UserRegistered({});
