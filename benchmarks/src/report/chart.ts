import type { Verdict } from "../measure/judge.ts";
import { factor, figure } from "./numbers.ts";
import type { Report } from "./report.ts";

const rowHeight = 22;
const left = 470;
const plotWidth = 380;
const right = 130;
const top = 56;

interface Row {
  readonly label: string;
  readonly verdict: Verdict & { readonly ratio: NonNullable<Verdict["ratio"]> };
}

/** One line for each goal: how far on the good side of its limit the median is, and the runs around it. */
export function drawChart({ results, machine }: Report): string {
  const rows = results.flatMap(({ benchmark, case: { name }, verdicts }) =>
    verdicts.flatMap((verdict): Row[] =>
      verdict.ratio === undefined
        ? []
        : [{ label: `${benchmark} · ${name} · ${verdict.text}`, verdict: { ...verdict, ratio: verdict.ratio } }],
    ),
  );
  const height = top + rows.length * rowHeight + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + plotWidth + right}" height="${height}" font-family="system-ui, sans-serif" font-size="12">
<style>text { fill: #24292f } .limit { stroke: #57606a; stroke-dasharray: 4 3 } .holds { fill: #1a7f37; stroke: #1a7f37 } .misses { fill: #cf222e; stroke: #cf222e } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .limit { stroke: #8b949e } .holds { fill: #3fb950; stroke: #3fb950 } .misses { fill: #f85149; stroke: #f85149 } }</style>
<text x="8" y="20" font-weight="bold">Each goal and its limit: right of the line is better</text>
<text x="8" y="38">${escapeXml(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; times the limit, logarithmic`)}</text>
${[0.1, 1, 10].map(tick).join("\n")}
<line class="limit" x1="${place(1)}" y1="${top - 2}" x2="${place(1)}" y2="${height - 12}"/>
${rows.map(drawRow).join("\n")}
</svg>
`;
}

function drawRow({ label, verdict }: Row, index: number): string {
  const { goal, ratio, holds } = verdict;
  const y = top + index * rowHeight + rowHeight / 2;
  const good = (value: number) => (goal.kind === "speed" ? value / goal.limit : goal.limit / value);
  const kind = holds ? "holds" : "misses";
  const shown = goal.kind === "value" ? figure(ratio.median) : factor(ratio.median);
  return `<text x="${left - 10}" y="${y + 4}" text-anchor="end">${escapeXml(shorten(label))}</text>
<line class="${kind}" stroke-width="2" x1="${place(good(ratio.least))}" y1="${y}" x2="${place(good(ratio.most))}" y2="${y}"/>
<circle class="${kind}" cx="${place(good(ratio.median))}" cy="${y}" r="4"/>
<text x="${left + plotWidth + 12}" y="${y + 4}">${shown}${holds ? "" : " (misses)"}</text>`;
}

function tick(value: number): string {
  return `<text x="${place(value)}" y="${top - 6}" text-anchor="middle" font-size="10">${value}×</text>`;
}

/** From a twentieth of the limit to twenty times it; what lies beyond stands at the edge. */
function place(timesLimit: number): number {
  const positive = Number.isFinite(timesLimit) && timesLimit > 0 ? timesLimit : 20;
  const share = (Math.log(positive) / Math.log(20) + 1) / 2;
  return Math.round(left + plotWidth * Math.min(1, Math.max(0, share)));
}

function shorten(label: string): string {
  return label.length > 74 ? `${label.slice(0, 73)}…` : label;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
