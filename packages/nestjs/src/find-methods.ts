import { JobsError } from "@acme/jobs";
import type { DiscoveryService, MetadataScanner } from "@nestjs/core";
import { rolesOf, type Role } from "./metadata.ts";

/** A method of a provider that a decorator has marked. */
export interface FoundMethod {
  /** Such as `Receipts.send`. */
  readonly name: string;
  readonly role: Role;
  /** Looks the method up at each call, so that a test may replace it. */
  call(...values: readonly unknown[]): unknown;
}

interface Places {
  readonly discovery: DiscoveryService;
  readonly scanner: MetadataScanner;
}

/**
 * Finds the methods in the order of the providers, and of the methods in their class.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` if a provider with such a method does not live as long as the application.
 */
export function findMethods({ discovery, scanner }: Places): FoundMethod[] {
  const seen = new Set<object>();
  return [...discovery.getProviders(), ...discovery.getControllers()].flatMap((wrapper) => {
    const instance: unknown = wrapper.instance;
    // One provider may be known under several tokens.
    if (typeof instance !== "object" || instance === null || seen.has(instance)) return [];
    seen.add(instance);
    const found = methodsOf(instance, scanner);
    if (found.length > 0 && (wrapper.isTransient || !wrapper.isDependencyTreeStatic())) throw shortLived(found);
    return found;
  });
}

function methodsOf(instance: object, scanner: MetadataScanner): FoundMethod[] {
  const prototype = Object.getPrototypeOf(instance) as object | null;
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const name = `${instance.constructor.name}.${method}`;
    const call = (...values: readonly unknown[]): unknown =>
      Reflect.apply(Reflect.get(instance, method) as () => unknown, instance, values);
    return rolesOf(Reflect.get(prototype ?? {}, method) as object).map((role) => ({ name, role, call }));
  });
}

function shortLived([first]: readonly FoundMethod[]): JobsError {
  return new JobsError(
    "HANDLER_INVALID",
    `${first?.name} handles events or tasks, but its provider is made for each request or each consumer. ` +
      "Make it a singleton, and everything that it depends on.",
  );
}
