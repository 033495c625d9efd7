import { EventEmitter } from "node:events";
import { createEventBus, defineEvent, props } from "@acme/domain-events";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { timeSyncCalls } from "../measure/time-calls.ts";
import { silentLogger } from "../peers/acme.ts";

class Counted extends defineEvent("bench.counted", props<{ by: number }>()) {}

const event = new Counted({ by: 1 });
let handled = 0;

/** One function for each registration, as in an application. */
const makeHandlers = (count: number) =>
  Array.from({ length: count }, () => (happened: { by: number }) => {
    handled += happened.by;
  });

/** Publishes the event to handlers that are registered by then. */
type Setup = (handlers: ((happened: { by: number }) => void)[]) => Promise<() => void>;

const publishers: Record<string, { settings: string; package?: string; setup: Setup }> = {
  [ours]: {
    settings:
      "isolation of handlers, breadth-first queue, logger and lifecycle in place, nobody listening to the latter",
    setup: (handlers) => Promise.resolve(publishOn(createEventBus({ logger: silentLogger }), handlers)),
  },
  "acme, lifecycle heard": {
    settings: 'as acme, with a listener for "event:published" and for "handler:succeeded"',
    setup(handlers) {
      const bus = createEventBus({ logger: silentLogger });
      bus.lifecycle.on("event:published", () => undefined);
      bus.lifecycle.on("handler:succeeded", () => undefined);
      return Promise.resolve(publishOn(bus, handlers));
    },
  },
  EventEmitter: {
    settings: "of Node",
    setup(handlers) {
      const emitter = new EventEmitter();
      for (const handler of handlers) emitter.on("counted", handler);
      return Promise.resolve(() => void emitter.emit("counted", event));
    },
  },
  eventemitter3: {
    settings: "defaults",
    package: "eventemitter3",
    async setup(handlers) {
      const { EventEmitter: Emitter3 } = await import("eventemitter3");
      const emitter = new Emitter3();
      for (const handler of handlers) emitter.on("counted", handler);
      return () => void emitter.emit("counted", event);
    },
  },
  mitt: {
    settings: "defaults",
    package: "mitt",
    async setup(handlers) {
      const { default: mitt } = await import("mitt");
      // Its types take a namespace of NodeNext for the function.
      const emitter = (mitt as unknown as typeof mitt.default)<{ counted: Counted }>();
      for (const handler of handlers) emitter.on("counted", handler);
      return () => emitter.emit("counted", event);
    },
  },
};

function publishOn(bus: ReturnType<typeof createEventBus>, handlers: Parameters<Setup>[0]): () => void {
  for (const handler of handlers) bus.register(Counted, handler);
  return () => void bus.publish(event);
}

export const publishSync: Benchmark = {
  name: "publish-sync",
  work: "one event to synchronous handlers, not awaited",
  budgetMs: 18_000,
  rounds: { least: 5, most: 9 },
  processes: "fresh",
  cases: () =>
    [1, 3].map((count) => ({
      name: count === 1 ? "1 handler" : `${count} handlers`,
      metrics: [{ name: "time", unit: "ns", better: "lower" }],
      contestants: Object.entries(publishers).map(([name, publisher]) => contestant(name, publisher, count)),
      goals: [
        { metric: "time", of: ours, against: ["mitt"], kind: "cost", limit: 1 },
        { metric: "time", of: ours, against: ["EventEmitter"], kind: "cost", limit: 4 },
      ],
    })),
};

function contestant(name: string, { setup, ...described }: (typeof publishers)[string], count: number): Contestant {
  return {
    name,
    ...described,
    async start({ size }) {
      const publish = await setup(makeHandlers(count));
      return { run: () => Promise.resolve({ time: measure(size, publish, count) }) };
    },
  };
}

function measure(size: Size, publish: () => void, count: number): number {
  handled = 0;
  const { nsPerCall, calls } = timeSyncCalls(size, publish);
  if (handled !== calls * count) throw new Error(`${handled} handlers ran of ${calls * count}`);
  return nsPerCall;
}
