/** How times are printed: `relative` (14 min ago), or `iso`. */
export type TimeFormat = "relative" | "iso";

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1_000 },
] as const;

/** Milliseconds in their two largest units: `3 d 4 h`, `14 min 2 s`, `1.1 s`, `40 ms`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const largest = units.findIndex((unit) => ms >= unit.ms);
  const [first, second] = units.slice(largest);
  if (first === undefined) return `${Math.round(ms)} ms`;
  const count = Math.floor(ms / first.ms);
  const rest = second === undefined ? 0 : Math.floor((ms - count * first.ms) / second.ms);
  return second === undefined || rest === 0
    ? `${count} ${first.name}`
    : `${count} ${first.name} ${rest} ${second.name}`;
}

/** A time as the options want it: `14 min ago`, `in 2 h`, or in ISO format. */
export function formatTime(time: Date, format: TimeFormat, now = Date.now()): string {
  if (format === "iso") return time.toISOString();
  const ageMs = now - time.getTime();
  if (Math.abs(ageMs) < 1_000) return "now";
  return ageMs > 0 ? `${formatDuration(ageMs)} ago` : `in ${formatDuration(-ageMs)}`;
}
