import { cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  readonly at: string;
  /** Over the last minute, before the first run. */
  readonly load: number;
  /** Somebody else was at work: the figures are worth little. */
  readonly isBusy: boolean;
}

export function describeMachine(): Machine {
  const processors = cpus();
  const load = loadavg()[0] ?? 0;
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    at: new Date().toISOString().slice(0, 16),
    load,
    isBusy: load > processors.length / 4,
  };
}
