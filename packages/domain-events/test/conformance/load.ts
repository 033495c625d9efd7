import { hear, type Said } from "./stalled-commit.ts";
import type { Units } from "./units.ts";
import { happened } from "../../src/conformance/events.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

/** Units that run in loops, each of which inserts a row and records an event, both of its own number. */
export interface Load {
  /** What `run` has said of each unit that got a transaction. */
  readonly said: ReadonlyMap<number, Said>;
  /** Resolves when so many more units have resolved. */
  confirmed(count: number): Promise<void>;
  /** Resolves when no unit runs any more. */
  stop(): Promise<void>;
}

export function startLoad<Tx>(driver: TestedAdapter<Tx>, { unitOfWork }: Units<Tx>, loopCount: number): Load {
  const said = new Map<number, Said>();
  let latest = 0;
  let confirmedCount = 0;
  const leaving = new AbortController();
  let waiting: { count: number; reader: PromiseWithResolvers<void> }[] = [];

  async function runUnits(): Promise<void> {
    while (!leaving.signal.aborted) {
      const id = (latest += 1);
      let isBegun = false;
      const word = await hear(
        unitOfWork.run(async ({ tx, record }) => {
          isBegun = true;
          record(happened(id));
          await driver.query(tx, `insert into rows values (${id})`);
        }),
      );
      // Without a server there is no transaction, so nothing to be told about.
      if (isBegun) said.set(id, word);
      if (word === "resolved") confirm();
    }
  }
  function confirm(): void {
    confirmedCount += 1;
    for (const { count, reader } of waiting) if (count <= confirmedCount) reader.resolve();
    waiting = waiting.filter(({ count }) => count > confirmedCount);
  }
  const loops = Array.from({ length: loopCount }, runUnits);

  return {
    said,
    confirmed(count) {
      const reader = Promise.withResolvers<void>();
      waiting.push({ count: confirmedCount + count, reader });
      return reader.promise;
    },
    async stop() {
      leaving.abort();
      await Promise.all(loops);
    },
  };
}
