import { idOf, labelOf, type MapEdge, type MapNode, nodesOf } from "./nodes.ts";

const shapes: Readonly<Record<MapNode["kind"], readonly [string, string]>> = {
  event: ["([", "])"],
  handler: ["[", "]"],
  task: ["[[", "]]"],
};

/** See https://mermaid.js.org/syntax/flowchart.html. */
export function drawMermaid(edges: readonly MapEdge[]): string {
  const nodes = nodesOf(edges);
  const lines = nodes.map(({ kind, name }, index) => {
    const [open, close] = shapes[kind];
    return `  n${index}${open}"${escape(name)}"${close}`;
  });
  const numbers = new Map(nodes.map((node, index) => [idOf(node), `n${index}`]));
  for (const edge of edges) {
    const label = labelOf(edge);
    lines.push(
      `  ${numbers.get(idOf(edge.from))} -->${label === "" ? "" : `|${label}|`} ${numbers.get(idOf(edge.to))}`,
    );
  }
  return ["flowchart LR", ...lines, ""].join("\n");
}

/** Names may be any text. Mermaid writes a character by its number between "#" and ";". */
function escape(text: string): string {
  return text.replaceAll(/[^\w .:/()-]/gu, (character) => `#${character.codePointAt(0)};`);
}
