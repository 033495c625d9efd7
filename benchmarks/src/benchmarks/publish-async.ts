import { createEventBus, defineEvent, props } from "@acme/domain-events";
import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { timeAsyncCalls } from "../measure/time-calls.ts";
import { silentLogger } from "../peers/acme.ts";

class Counted extends defineEvent("bench.counted", props<{ by: number }>()) {}

const event = new Counted({ by: 1 });
let handled = 0;

type AsyncHandler = (happened: { by: number }) => Promise<void>;

const makeHandlers = (count: number): AsyncHandler[] =>
  Array.from({ length: count }, () => async (happened: { by: number }) => {
    handled += happened.by;
  });

type Setup = (handlers: AsyncHandler[]) => Promise<() => Promise<unknown>>;

const peers = ["emittery", "hookable", "@nestjs/cqrs"];
const bare = "awaited loop";

const publishers: Record<string, { settings: string; package?: string; setup: Setup }> = {
  [ours]: {
    settings: "isolation of handlers, breadth-first queue, logger and lifecycle in place",
    setup(handlers) {
      const bus = createEventBus({ logger: silentLogger });
      for (const handler of handlers) bus.register(Counted, handler);
      return Promise.resolve(() => bus.publish(event));
    },
  },
  [bare]: {
    settings: "for (const handler of handlers) await handler(event)",
    setup: (handlers) =>
      Promise.resolve(async () => {
        for (const handler of handlers) await handler(event);
      }),
  },
  emittery: {
    settings: "emitSerial",
    package: "emittery",
    async setup(handlers) {
      const { default: Emittery } = await import("emittery");
      const emitter = new Emittery<{ counted: Counted }>();
      for (const handler of handlers) emitter.on("counted", ({ data }) => handler(data));
      return () => emitter.emitSerial("counted", event);
    },
  },
  hookable: {
    settings: "callHook, which is serial",
    package: "hookable",
    async setup(handlers) {
      const { createHooks } = await import("hookable");
      const hooks = createHooks<{ counted: AsyncHandler }>();
      for (const handler of handlers) hooks.hook("counted", handler);
      // It returns nothing where there is nothing to wait for.
      return async () => hooks.callHook("counted", event);
    },
  },
  "@nestjs/cqrs": {
    settings: "CqrsModule.forRoot(), handlers as providers; not in order, since its publish cannot be awaited",
    package: "@nestjs/cqrs",
    async setup(handlers) {
      const { nestPublisher } = await import("../peers/nest-cqrs.ts");
      return nestPublisher(event, handlers);
    },
  },
};

export const publishAsync: Benchmark = {
  name: "publish-async",
  work: "one event to asynchronous handlers, awaited in order",
  budgetMs: 22_000,
  rounds: { least: 5, most: 9 },
  processes: "fresh",
  cases: () =>
    [1, 3].map((count) => ({
      name: count === 1 ? "1 handler" : `${count} handlers`,
      metrics: [{ name: "time", unit: "ns", better: "lower" }],
      contestants: Object.entries(publishers).map(([name, publisher]) => contestant(name, publisher, count)),
      goals: [
        { metric: "time", of: ours, against: peers, kind: "speed", limit: 5 },
        { metric: "time", of: ours, against: [bare], kind: "cost", limit: count === 1 ? 2 : 1.5 },
      ],
    })),
};

function contestant(name: string, { setup, ...described }: (typeof publishers)[string], count: number): Contestant {
  return {
    name,
    ...described,
    async start({ size }) {
      const publish = await setup(makeHandlers(count));
      return { run: async () => ({ time: await measure(size, publish, count) }) };
    },
  };
}

async function measure(size: Size, publish: () => Promise<unknown>, count: number): Promise<number> {
  handled = 0;
  const { nsPerCall, calls } = await timeAsyncCalls(size, publish);
  if (handled !== calls * count) throw new Error(`${handled} handlers ran of ${calls * count}`);
  return nsPerCall;
}
