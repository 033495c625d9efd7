import { beforeCommit, type EventBus } from "@acme/domain-events";
import { perform, type Jobs, type PerformableTask } from "@acme/jobs";
import type { FoundMethod } from "./find-methods.ts";

interface Registry {
  readonly bus: EventBus<never>;
  readonly jobs: Jobs;
  readonly tasks: PerformableTask[];
}

/** Registers the methods that handle events, adds those that perform tasks, and returns what undoes the registrations. */
export function registerMethods(methods: readonly FoundMethod[], registry: Registry): () => void {
  const undo = methods.map((method) => registerMethod(method, registry));
  return () => {
    for (const one of undo) one();
  };
}

function registerMethod({ name, role, call }: FoundMethod, { bus, jobs, tasks }: Registry): () => void {
  // The name is what logs and errors say.
  const named = Object.defineProperty((...values: readonly unknown[]) => call(...values), "name", { value: name });
  if (role.kind === "task") {
    tasks.push(perform(role.task, named));
    return () => {};
  }
  if (role.kind === "durable") {
    return bus.register(role.eventClass, jobs.durable(role.task, named, role.options));
  }
  return bus.register(role.eventClass, role.kind === "beforeCommit" ? beforeCommit(named) : named);
}
