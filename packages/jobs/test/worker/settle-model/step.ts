import type { AsyncCommand } from "fast-check";
import { expectAgreement } from "./expect-agreement.ts";
import type { Model } from "./model.ts";
import type { World } from "./world.ts";

/** One thing that happens, to the model and to the tables; afterwards both are compared. */
export interface Step {
  readonly name: string;
  readonly isPossible: (model: Model) => boolean;
  readonly act: (model: Model, world: World) => Promise<void>;
}

export function toCommand(step: Step): AsyncCommand<Model, World> {
  return {
    check: step.isPossible,
    run: (model, world) => compared(step, model, world),
    toString: () => step.name,
  };
}

export async function compared({ act }: Step, model: Model, world: World): Promise<void> {
  await act(model, world);
  expectAgreement(model, await world.read());
}

/** Any number chooses one of what there is. */
export function chosen<Item>(items: readonly Item[], number: number): Item {
  const item = items[number % items.length];
  if (item === undefined) throw new Error("There is nothing to choose from.");
  return item;
}
