import { type Benchmark, type Case, type Contestant, ours } from "../benchmark.ts";
import { timeCommits } from "../measure/time-commits.ts";
import {
  acmeCommitter,
  bareCommitter,
  type CommitPlace,
  type Committer,
  type Driver,
  type Follows,
} from "../peers/committers.ts";

interface Variant {
  readonly name: string;
  /** At work at once. Default: one. */
  readonly connections?: number;
  readonly follows: Follows;
  readonly hasOutbox?: boolean;
  readonly limit: number;
}

const variants: Variant[] = [
  { name: "0 events", follows: "nothing", limit: 1.03 },
  { name: "1 afterCommit", follows: "afterCommit", limit: 1.15 },
  { name: "1 durable", follows: "durable", limit: 1.05 },
  { name: "1 durable, outbox", follows: "durable", hasOutbox: true, limit: 1.05 },
  // What one connection cannot see: locks that commits take from each other, and what a unit costs a server that is busy.
  ...[8, 32].flatMap((connections): Variant[] => [
    { name: `0 events, ${connections} connections`, connections, follows: "nothing", limit: 1.05 },
    { name: `1 afterCommit, ${connections} connections`, connections, follows: "afterCommit", limit: 1.15 },
    { name: `1 durable, ${connections} connections`, connections, follows: "durable", limit: 1.05 },
  ]),
];

/** What the outbox asks beyond its row: who commits with NOTIFY waits for everybody else who does. */
const outboxVariants = [1, 32].map((connections) => ({ connections, limit: 1.15 }));
const byHand = "the unit and an equal row by hand";
const inOneDatabase = "acme, jobs in the same database";

export const commit: Benchmark = {
  name: "commit",
  work: "one row inserted in a transaction of its own, and what follows from it; one commit after the other on each connection",
  budgetMs: 100_000,
  rounds: { least: 15, most: 45 },
  // A few percent between two processes would be more than what is looked for.
  processes: "shared",
  cases: () =>
    (["pg", "knex"] as const).flatMap((driver) => [
      ...variants.map((variant) => commitCase(driver, variant)),
      ...outboxVariants.map(({ connections, limit }) => outboxCase({ driver, connections }, limit)),
    ]),
};

/** Which connections commit, and how many at once. */
type Clients = Pick<CommitPlace, "driver" | "connections">;

function outboxCase(clients: Clients, limit: number): Case {
  const { driver, connections } = clients;
  const run = `unitOfWork.run on ${driver}`;
  const entries: Entry[] = [
    { name: ours, settings: run, open: (place, jobsUrl) => acmeCommitter(place, "durable", jobsUrl) },
    { name: byHand, settings: `${run}, insert into acme_jobs.outbox`, open: (place) => acmeCommitter(place, "row") },
    { name: inOneDatabase, settings: `${run}, without an outbox`, open: (place) => acmeCommitter(place, "durable") },
  ];
  return {
    name: `${driver}, 1 durable by the outbox beside its row, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    metrics: [{ name: "time", unit: "µs", better: "lower" }],
    contestants: entries.map((entry) => contestant(entry, clients)),
    goals: [{ metric: "time", of: ours, against: [byHand], kind: "cost", limit }],
  };
}

function commitCase(driver: Driver, variant: Variant): Case {
  const { name, follows, hasOutbox = false, limit, connections = 1 } = variant;
  const bare = follows === "durable" ? `${driver} and add_job` : driver;
  const entries: Entry[] = [
    {
      name: ours,
      settings: `unitOfWork.run on ${driver}`,
      open: (place, jobsUrl) => acmeCommitter(place, follows, hasOutbox ? jobsUrl : undefined),
    },
    ...[bare, ...(follows === "nothing" ? [`${driver}, once more`] : [])].map((peer) => ({
      name: peer,
      settings: bareSettings(driver, follows),
      open: (place: CommitPlace) => Promise.resolve(bareCommitter(place, follows === "durable")),
    })),
  ];
  return {
    name: `${driver}, ${name}`,
    metrics: [{ name: "time", unit: "µs", better: "lower" }],
    contestants: entries.map((entry) => contestant(entry, { driver, connections })),
    goals: [{ metric: "time", of: ours, against: [bare], kind: "cost", limit }],
  };
}

function bareSettings(driver: Driver, follows: Follows): string {
  const transaction = driver === "pg" ? "begin, insert, commit on a client of a pg.Pool" : "knex.transaction";
  return follows === "durable"
    ? `${transaction}, with select graphile_worker.add_job(…) before the commit`
    : transaction;
}

interface Entry {
  readonly name: string;
  readonly settings: string;
  readonly open: (place: CommitPlace, jobsUrl: string) => Promise<Committer>;
}

function contestant({ name, settings, open }: Entry, clients: Clients): Contestant {
  return {
    name,
    settings,
    ...(settings.startsWith("unitOfWork") ? {} : { package: clients.driver }),
    start: (world) => timeCommits(world, clients.connections, (url, jobsUrl) => open({ ...clients, url }, jobsUrl)),
  };
}
