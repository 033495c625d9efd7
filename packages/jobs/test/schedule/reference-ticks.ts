const minuteMs = 60_000;
const dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** What a clock on the wall shows. */
interface WallTime {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

/**
 * The ticks of a pattern by looking at the clock of the zone in each minute, after `from` and until `to`. A pattern that names its
 * minutes and hours comes once for each time of the day: the second time that the clock shows it is left out, and a time that the
 * clock skips is made up for when it shows the next one of the same day.
 */
export function referenceTicks(
  pattern: string,
  timeZone: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): string[] {
  const isTick = matcher(pattern);
  const isFixed = pattern
    .split(" ")
    .slice(0, 2)
    .every((field) => !/[*/]/.test(field));
  const clock = clockOf(timeZone);
  const found = new Set<number>();
  const shown = new Set<string>();
  // From a day before, to know what the clock has shown.
  for (let time = from.getTime() - 86_400_000; time <= to.getTime(); time += minuteMs) {
    const wall = clock(time);
    const add = () => void (time > from.getTime() && found.add(time));
    const isRepeated = shown.has(String(wall));
    if (isTick(partsOf(wall)) && !(isFixed && isRepeated)) add();
    const skipped = isFixed ? skippedBefore(clock(time - minuteMs), wall).map(partsOf) : [];
    if (skipped.some((each) => each.day === partsOf(wall).day && isTick(each))) add();
    shown.add(String(wall));
  }
  return [...found].map((time) => new Date(time).toISOString());
}

const clocks = new Map<string, (time: number) => number>();

/** The clock on the wall as milliseconds, as if it were one in UTC. Kept, because it is slow to ask. */
function clockOf(timeZone: string): (time: number) => number {
  const shown = new Map<number, number>();
  const newClock = () => {
    const read = readerOf(timeZone);
    return (time: number) => {
      const wall = shown.get(time) ?? read(time);
      shown.set(time, wall);
      return wall;
    };
  };
  const clock = clocks.get(timeZone) ?? newClock();
  clocks.set(timeZone, clock);
  return clock;
}

function readerOf(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts["year"]!, parts["month"]! - 1, parts["day"], parts["hour"], parts["minute"]);
  };
}

function partsOf(wall: number): WallTime {
  const date = new Date(wall);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
}

/** Times that the clock has jumped over. */
function skippedBefore(before: number, after: number): number[] {
  const skipped: number[] = [];
  for (let time = before + minuteMs; time < after; time += minuteMs) skipped.push(time);
  return skipped;
}

function matcher(pattern: string): (wall: WallTime) => boolean {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = pattern.split(" ");
  return (wall) =>
    fits(minute, wall.minute) &&
    fits(hour, wall.hour) &&
    fits(month, wall.month) &&
    // As in cron: if both are given, one is enough.
    (day !== "*" && weekday !== "*"
      ? fits(day, wall.day) || fits(weekday, wall.weekday)
      : fits(day, wall.day) && fits(weekday, wall.weekday));
}

function fits(field: string, value: number): boolean {
  return field.split(",").some((part) => {
    const [range = "", step = "1"] = part.split("/");
    const [first, last] = range === "*" ? [0, Infinity] : range.split("-").map(numberOf);
    const least = first ?? 0;
    const most = last ?? least;
    return value >= least && value <= most && (value - least) % Number(step) === 0;
  });
}

function numberOf(text: string): number {
  const index = dayNames.indexOf(text);
  return index === -1 ? Number(text) : index;
}
