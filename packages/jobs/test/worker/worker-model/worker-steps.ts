import { wholeWorkers, type Model } from "./model.ts";
import { chosen, type Step } from "./step.ts";

const idle = ({ workers }: Model) => workers.filter(({ isRunning, network }) => !isRunning && network === "whole");

export function join(number: number): Step {
  return {
    name: `join(${number})`,
    isPossible: (model) => !model.isTableLocked && idle(model).length > 0,
    act: (model, { workers }) => workers[chosen(idle(model), number).index]!.start(),
  };
}

/** Its jobs go back unused, and nothing of it stays locked. */
export function leave(number: number): Step {
  return {
    name: `leave(${number})`,
    isPossible: (model) => !model.isTableLocked && wholeWorkers(model).length > 0,
    act: (model, { workers }) => workers[chosen(wholeWorkers(model), number).index]!.stop(),
  };
}

export function restart(number: number): Step {
  return {
    name: `restart(${number})`,
    isPossible: (model) => !model.isTableLocked && wholeWorkers(model).length > 0,
    async act(model, { workers }) {
      const worker = workers[chosen(wholeWorkers(model), number).index]!;
      await worker.stop();
      await worker.start();
    },
  };
}
