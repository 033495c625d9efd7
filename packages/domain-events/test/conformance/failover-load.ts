import { type Count, countUnits } from "./count-units.ts";
import { startLoad } from "./load.ts";
import { type ReplicatedOptions, startReplicated, untilWaitingForStandby } from "./replicated.ts";
import { startStranger } from "./stranger.ts";
import { openUnits, storedRows } from "./units.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

const loopCount = 12;

export interface FailoverCount extends Count {
  /** Confirmed by the old primary and absent on the new one, as asynchronous replication has it. Not in the other figures. */
  readonly confirmedAndLost: number;
}

/** Commits in twelve loops, lets the standby fall behind, and promotes it in the middle of COMMITs. */
export async function runFailoverLoad<Tx>(
  driver: TestedAdapter<Tx>,
  options: ReplicatedOptions,
): Promise<FailoverCount> {
  await using servers = await startReplicated(options);
  const { link, address, standby } = servers;
  await using units = await openUnits(driver, address.url, { max: loopCount, outcomeTimeoutMs: 3_000 });
  const load = startLoad(driver, units, loopCount);
  await load.confirmed(2 * loopCount);

  link.goSilent();
  if (options.isSynchronous) await untilWaitingForStandby(servers, loopCount / 2);
  else await load.confirmed(2 * loopCount);
  // What the old primary confirms from now on nobody hears.
  address.goSilent();
  await servers.primary.kill();
  const confirmed = new Set([...load.said].flatMap(([id, said]) => (said === "resolved" ? [id] : [])));
  await servers.failOver();
  await using _ = await startStranger(standby.url());
  await load.confirmed(2 * loopCount);
  await load.stop();

  const stored = await storedRows(standby.url());
  const lost = new Set(options.isSynchronous ? [] : [...confirmed].filter((id) => !stored.includes(id)));
  const said = new Map([...load.said].filter(([id]) => !lost.has(id)));
  const published = units.published.filter((id) => !lost.has(id));
  return { ...countUnits(said, published, stored), confirmedAndLost: lost.size };
}
