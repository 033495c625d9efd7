import "reflect-metadata";
import type { ClassOf } from "@acme/domain-events";
import type { DurableOptions, Task } from "@acme/jobs";

/** What a decorator says about a method. */
export type Role =
  | { readonly kind: "afterCommit" | "beforeCommit"; readonly eventClass: ClassOf<object> }
  | {
      readonly kind: "durable";
      readonly eventClass: ClassOf<object>;
      readonly task: Task;
      readonly options: DurableOptions<object> | undefined;
    }
  | { readonly kind: "task"; readonly task: Task };

const key = Symbol.for("@acme/nestjs:roles");

/** A method may have several decorators, which TypeScript calls from the last to the first. */
export function addRole(method: object, role: Role): void {
  Reflect.defineMetadata(key, [role, ...rolesOf(method)], method);
}

export function rolesOf(method: object): readonly Role[] {
  return (Reflect.getMetadata(key, method) as readonly Role[] | undefined) ?? [];
}
