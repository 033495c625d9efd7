import { type Benchmark, type Contestant, ours, type Size } from "../benchmark.ts";
import { measureAcmeRelay, measureBareCopy, measureBareRelay } from "../peers/relays.ts";
import { measureTransactionalOutbox, transactionalOutboxSettings } from "../peers/pg-transactional-outbox.ts";

const rows: Record<Size, number> = { quick: 2_000, default: 20_000, full: 1_000_000 };
/** It slows down with what waits, so that fewer rows flatter it; a million would take it days. */
const peerRows: Record<Size, number> = { quick: 200, default: 500, full: 20_000 };

const bare = "insert … select";
const peer = "pg-transactional-outbox";

export const relay: Benchmark = {
  name: "relay",
  work: "outbox rows to another database, rows per second; one relay",
  budgetMs: 50_000,
  rounds: { least: 5, most: 7 },
  processes: "own",
  cases: (size) => [
    {
      name: `${rows[size].toLocaleString("en")} rows`,
      metrics: [{ name: "rate", unit: "rows/s", better: "higher" }],
      contestants: [
        { name: ours, settings: "startRelay(), defaults", start: measureAcmeRelay(rows[size]) },
        {
          name: bare,
          settings:
            "in one database, 1,000 rows in a transaction, into a table with the same columns and a primary key",
          start: measureBareCopy(rows[size]),
        },
        {
          name: "select, add_jobs, delete",
          settings: "a hand-written relay without any memory of what it has taken, 1,000 rows in a transaction",
          start: measureBareRelay(rows[size]),
        },
        {
          name: peer,
          package: peer,
          settings: `${transactionalOutboxSettings}; ${peerRows[size].toLocaleString("en")} rows`,
          start: measureTransactionalOutbox(peerRows[size]),
        },
      ] satisfies Contestant[],
      goals: [
        { metric: "rate", of: ours, against: [peer], kind: "speed", limit: 20 },
        { metric: "rate", of: ours, against: [bare], kind: "speed", limit: 0.8 },
      ],
    },
  ],
};
