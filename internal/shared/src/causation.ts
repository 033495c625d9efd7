import { AsyncLocalStorage } from "node:async_hooks";

/** Something that happens in an application, as an event map shows it. */
export interface Step {
  readonly kind: "event" | "handler" | "task";
  readonly name: string;
}

/** Called when a step has made another one happen. */
export type CausationObserver = (cause: Step, effect: Step) => void;

interface Causation {
  readonly observers: Set<CausationObserver>;
  readonly current: AsyncLocalStorage<Step>;
}

// Both builds (ESM and CJS) of both packages share it: a handler of one package enqueues with the other one.
const causationName = Symbol.for("@acme/causation@1");
const globals = globalThis as unknown as Record<symbol, Causation | undefined>;
const { observers, current } = (globals[causationName] ??= { observers: new Set(), current: new AsyncLocalStorage() });

/** @returns a function that ends it. */
export function observeCausation(observer: CausationObserver): () => void {
  observers.add(observer);
  return () => void observers.delete(observer);
}

/** Asked where work happens often. Nothing is kept while nobody observes. */
export function isCausationObserved(): boolean {
  return observers.size > 0;
}

/** Whatever happens in the function, and in what it starts and awaits, is an effect of this step. */
export function asCause<Result>(cause: Step, work: () => Result): Result {
  return isCausationObserved() ? current.run(cause, work) : work();
}

export function tellEffect(effect: Step): void {
  const cause = current.getStore();
  if (cause !== undefined) for (const observer of observers) observer(cause, effect);
}
