export { createEventMap, type EventMap } from "./map/event-map.ts";
export type { MapEdge, MapNode } from "./map/nodes.ts";
