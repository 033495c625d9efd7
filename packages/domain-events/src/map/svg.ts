import { graphlib, layout } from "@dagrejs/dagre";
import { idOf, labelOf, type MapEdge, type MapNode, nodesOf } from "./nodes.ts";

/** In pixels. Letters of a fixed width, so that no font has to be measured. */
const letter = { width: 7.8, height: 13 };
const box = { height: 34, padding: 14 };
const corner: Readonly<Record<MapNode["kind"], number>> = { event: 17, handler: 3, task: 3 };

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Placed extends Point {
  readonly width: number;
  readonly height: number;
}

export function drawSvg(edges: readonly MapEdge[]): string {
  const nodes = nodesOf(edges);
  const graph = new graphlib.Graph({ multigraph: false });
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 64, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(idOf(node), { width: widthOf(node.name), height: box.height });
  for (const edge of edges) {
    graph.setEdge(idOf(edge.from), idOf(edge.to), {
      width: labelOf(edge).length * letter.width,
      height: letter.height,
      labelpos: "c",
    });
  }
  layout(graph);

  const { width = 0, height = 0 } = graph.graph() as Partial<Placed>;
  const lines = edges.map((edge) =>
    drawEdge(edge, graph.edge(idOf(edge.from), idOf(edge.to)) as Point & { readonly points: readonly Point[] }),
  );
  const boxes = nodes.map((node) => drawNode(node, graph.node(idOf(node)) as Placed));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" width="${Math.ceil(width)}" role="img" aria-label="Event map">`,
    style,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    ...lines,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}

const style = `<style>
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; text-anchor: middle; dominant-baseline: central }
.line { fill: none; stroke: #656d76; stroke-width: 1.3 } .seen { stroke-dasharray: 5 3 } .tip { fill: #656d76 }
.label { font-size: 11px; fill: #656d76 }
rect { stroke-width: 1.3 } .event { fill: #fff4d6; stroke: #b98500 } .handler { fill: #eef1f4; stroke: #656d76 } .task { fill: #dff0ff; stroke: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .label { fill: #9aa4af } .line { stroke: #9aa4af } .tip { fill: #9aa4af }
.event { fill: #3d2f00; stroke: #d4a72c } .handler { fill: #2a3038; stroke: #9aa4af } .task { fill: #0c2d4d; stroke: #58a6ff }
}
</style>`;

function widthOf(name: string): number {
  return name.length * letter.width + 2 * box.padding;
}

function drawNode({ kind, name }: MapNode, { x, y, width, height }: Placed): string {
  const [left, top] = [x - width / 2, y - height / 2];
  return (
    `<g><title>${kind}</title><rect class="${kind}" x="${round(left)}" y="${round(top)}" width="${round(width)}" ` +
    `height="${height}" rx="${corner[kind]}"/><text x="${round(x)}" y="${round(y)}">${escape(name)}</text></g>`
  );
}

function drawEdge(edge: MapEdge, { points, x, y }: Point & { readonly points: readonly Point[] }): string {
  const path = points.map((point, index) => `${index === 0 ? "M" : "L"}${round(point.x)} ${round(point.y)}`).join("");
  const line = `<path class="line${edge.isRegistered ? "" : " seen"}" d="${path}" marker-end="url(#tip)"/>`;
  const label = labelOf(edge);
  return label === "" ? line : `${line}<text class="label" x="${round(x)}" y="${round(y - 9)}">${label}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
