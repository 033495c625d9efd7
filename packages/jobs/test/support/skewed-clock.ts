// To be preloaded (`node --import`): the clock of this host is wrong by CLOCK_SKEW_MS.
const skewMs = Number(process.env["CLOCK_SKEW_MS"] ?? 0);
const RightDate = Date;

globalThis.Date = class extends RightDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RightDate.now() + skewMs);
    else super(...(given as [string]));
  }
  static override now(): number {
    return RightDate.now() + skewMs;
  }
} as DateConstructor;
