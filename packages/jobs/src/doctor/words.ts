const units = [
  { ms: 86_400_000, name: "days" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
  { ms: 1_000, name: "s" },
] as const;

/** For example "14 min". Rounded down, in the largest unit of which there are two. */
export function duration(ms: number): string {
  const unit = units.find((each) => ms >= 2 * each.ms) ?? { ms: 1, name: "ms" };
  return `${count(Math.floor(ms / unit.ms))} ${unit.name}`;
}

/** For example "1,204". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** For example "1 job" and "2 jobs". */
export function plural(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? "" : "s"}`;
}

export function bytes(value: number): string {
  const names = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const index = Math.min(names.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${count(value / 2 ** (10 * index))} ${names[index]}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

const longestName = 100;

/** A name that others have chosen. It may be shown on a terminal, which control characters would change. */
export function named(name: unknown): string {
  const plain = String(name).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return `"${plain.length > longestName ? `${plain.slice(0, longestName)}…` : plain}"`;
}

/** The first few of a list, and how many more there are. */
export function few(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return names.slice(0, most).join(", ") + (more > 0 ? ` and ${count(more)} more` : "");
}

/** A task may have any name. */
export function shellWord(text: string): string {
  const plain = named(text).slice(1, -1);
  return /^[\w.:/-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}
