import { AsyncResource } from "node:async_hooks";
import type { EventEmitter } from "node:events";

type Listener = (...args: unknown[]) => unknown;

const adding: ReadonlySet<PropertyKey> = new Set([
  "on",
  "once",
  "addListener",
  "prependListener",
  "prependOnceListener",
]);
const removing: ReadonlySet<PropertyKey> = new Set(["off", "removeListener"]);

/**
 * The listeners that code of a unit has added to an emitter of the driver. They are called in the asynchronous context
 * of the code that added them. Otherwise they would run in the context of the socket, outside of the unit.
 * `removeAllListeners` removes only these listeners.
 */
export class CallerListeners {
  /** A listener may be added more than once, from several scopes. Like an emitter, this removes the last one first. */
  readonly #bound = new WeakMap<Listener, Listener[]>();
  #added: (readonly [event: string, listener: Listener])[] = [];

  /** Calls any method of the emitter. */
  call(emitter: EventEmitter, method: PropertyKey, args: unknown[]): unknown {
    const [event, listener, ...rest] = args as [string, unknown, ...unknown[]];
    if (method === "removeAllListeners") return this.#removeAll(emitter, event);
    const called = Reflect.get(emitter, method, emitter) as Listener;
    if (typeof listener !== "function" || !(adding.has(method) || removing.has(method))) {
      return Reflect.apply(called, emitter, args);
    }
    return Reflect.apply(called, emitter, [
      event,
      this.#boundFor(event, listener as Listener, adding.has(method)),
      ...rest,
    ]);
  }

  #boundFor(event: string, listener: Listener, isAdded: boolean): Listener {
    const known = this.#bound.get(listener) ?? [];
    if (!isAdded) return known.pop() ?? listener;
    const bound = inCallersContext(listener);
    this.#bound.set(listener, [...known, bound]);
    this.#added.push([event, bound]);
    return bound;
  }

  #removeAll(emitter: EventEmitter, event: string | undefined): EventEmitter {
    const isMeant = ([of]: readonly [string, Listener]): boolean => event === undefined || of === event;
    for (const [of, listener] of this.#added.filter(isMeant)) emitter.off(of, listener);
    this.#added = this.#added.filter((added) => !isMeant(added));
    return emitter;
  }
}

/** A proxy of the emitter for code of a unit: see {@link CallerListeners}. */
export function listeningFromCaller<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  const listeners = new CallerListeners();
  return new Proxy(emitter, {
    get(target, property, proxy) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const answer = listeners.call(target, property, args);
        return answer === target ? proxy : answer;
      };
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  });
}

function inCallersContext(listener: Listener): Listener {
  const caller = new AsyncResource("domain-events.listener");
  return function bound(this: unknown, ...args) {
    return caller.runInAsyncScope(listener, this, ...args);
  };
}
