import type { AsyncCommand } from "fast-check";
import { setTimeout as pause } from "node:timers/promises";
import { expectPromises } from "./expect-promises.ts";
import type { Model } from "./model.ts";
import type { World } from "./world.ts";

/** One thing that happens; what the tables say is looked at afterwards, while workers go on. */
export interface Step {
  readonly name: string;
  readonly isPossible: (model: Model) => boolean;
  readonly act: (model: Model, world: World) => Promise<void>;
}

/** Time for the workers to do something of their own between two steps. */
const restMs = 20;

export function toCommand(step: Step): AsyncCommand<Model, World> {
  return {
    check: step.isPossible,
    run: (model, world) => looked(step, model, world),
    toString: () => step.name,
  };
}

export async function looked({ act }: Step, model: Model, world: World): Promise<void> {
  await act(model, world);
  await pause(restMs);
  expectPromises(model, await world.read());
}

/** Any number chooses one of what there is. */
export function chosen<Item>(items: readonly Item[], number: number): Item {
  const item = items[number % items.length];
  if (item === undefined) throw new Error("There is nothing to choose from.");
  return item;
}
