import { observeCausation } from "@acme/shared/causation";
import { defaultBus } from "../bus/default-bus.ts";
import { dispatcher, type EventBus } from "../bus/event-bus.ts";
import { drawMermaid } from "./mermaid.ts";
import type { MapEdge } from "./nodes.ts";
import { registeredEdges } from "./registered-edges.ts";
import { drawSvg } from "./svg.ts";

/** What an application does with its events. */
export interface EventMap extends Disposable {
  /**
   * What is registered now, and what was seen to happen, sorted by name. Each pair of nodes is there once.
   *
   * @throws Nothing.
   */
  edges(): readonly MapEdge[];
  /**
   * The map as a flowchart of Mermaid, which GitHub and many wikis draw. The same map gives the same text.
   *
   * @throws Nothing.
   */
  toMermaid(): string;
  /**
   * The map as a picture that needs nothing else, readable on light and dark pages. The same map gives the same text.
   *
   * @throws Nothing.
   */
  toSvg(): string;
  /**
   * Observes no more. The map stays as it is, but for what is registered.
   *
   * @throws Nothing.
   */
  stop(): void;
}

/**
 * Draws which events lead to which handlers and tasks, and which events and tasks these lead to.
 *
 * The first half is read from the registrations of the bus. The second half is code, so it is observed: run a demo or some tests
 * between `createEventMap` and `toMermaid`. What has not happened meanwhile is not on the map. All buses and workers of this
 * process are observed; nothing of it costs anything while there is no map. No property of an event is read.
 *
 * @param bus default: the default bus.
 *
 * @throws Nothing.
 *
 * @example
 * using map = createEventMap(bus);
 * await unitOfWork.run(({ record }) => record(new CartEmptied()));
 * console.log(map.toMermaid());
 */
export function createEventMap<Tx>(bus: EventBus<Tx> = defaultBus): EventMap {
  const seen = new Map<string, MapEdge>();
  const stop = observeCausation((from, to) => {
    const edge: MapEdge = { from, to, isRegistered: false };
    seen.set(keyOf(edge), edge);
  });
  const edges = () => {
    const all = new Map(seen);
    for (const edge of registeredEdges(bus[dispatcher].registrations())) all.set(keyOf(edge), edge);
    return [...all].toSorted(byKey).map(([, edge]) => edge);
  };
  return {
    edges,
    toMermaid: () => drawMermaid(edges()),
    toSvg: () => drawSvg(edges()),
    stop,
    [Symbol.dispose]: stop,
  };
}

function keyOf({ from, to }: MapEdge): string {
  return JSON.stringify([from.kind, from.name, to.kind, to.name]);
}

/** By code points: the same on each machine. */
function byKey([one]: readonly [string, MapEdge], [other]: readonly [string, MapEdge]): number {
  return one < other ? -1 : 1;
}
