import type { Step } from "@acme/shared/causation";

/** An event, a handler or a task. */
export type MapNode = Step;

/** One thing leads to another. */
export interface MapEdge {
  readonly from: MapNode;
  readonly to: MapNode;
  /** Missing of what follows from a handler or a task, and of a handler that runs after the commit. */
  readonly delivery?: "beforeCommit" | "durable";
  /** Whether it is registered. Otherwise it was seen to happen. */
  readonly isRegistered: boolean;
}

/** Each node once, in the order of the edges. */
export function nodesOf(edges: readonly MapEdge[]): readonly MapNode[] {
  const nodes = new Map<string, MapNode>();
  for (const { from, to } of edges) {
    for (const node of [from, to]) nodes.set(idOf(node), node);
  }
  return [...nodes.values()];
}

export function labelOf({ delivery }: MapEdge): string {
  if (delivery === undefined) return "";
  return delivery === "durable" ? "durable" : "before commit";
}

/** Of one kind, each name stands for one node. */
export function idOf({ kind, name }: MapNode): string {
  return `${kind}:${name}`;
}
