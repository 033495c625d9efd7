import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { recordStatements, type Statement } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, outboxCount, type TestJobs } from "../support/test-jobs.ts";
import { createJobs } from "../../src/index.ts";

/** A million by hand: `OUTBOX_ROWS=1000000 vitest run test/outbox/outbox-scale.test.ts`. */
const rowCount = Number(process.env["OUTBOX_ROWS"] ?? 100_000);
/** Enough that all rows at once would be seen in the memory. */
const payloadBytes = 200;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe(`an outbox of ${rowCount.toLocaleString("en")} rows`, { timeout: 600_000 }, () => {
  let test: TestJobs;
  let fullBytes: number;
  beforeAll(async () => {
    test = await createTestJobs({ outbox: true });
    await fillOutbox(test);
    fullBytes = await outboxBytes(test);
  }, 120_000);
  afterAll(() => test[Symbol.asyncDispose]());

  it("is claimed from by its index, whether PostgreSQL has statistics of it or not", async () => {
    const claim = await statementThatClaims();

    const before = await indexesOf(test, claim);
    await test.dataPool.query("analyze acme_jobs.outbox");
    const after = await indexesOf(test, claim);

    expect([before, after]).toEqual([["outbox_position"], ["outbox_position"]]);
  });

  it("drains at a steady rate, in bounded memory, and leaves no bloat behind", async ({ annotate }) => {
    const memory = watchMemory();

    const relay = test.jobs.startRelay();
    await expect.poll(() => hasRows(test), { timeout: 590_000, interval: 100 }).toBe(false);
    await relay.stop();
    const growth = memory.stop();

    const rates = await ratesInTenths(test);
    await annotate(`jobs/s by tenths: ${rates.map(Math.round).join(" ")}; memory grew by ${mib(growth)} MiB`);
    expect(await takenCount(test)).toBe(rowCount);
    expect(growth).toBeLessThan(32 * 2 ** 20);
    expect(median(rates.slice(-3))).toBeGreaterThan(median(rates.slice(0, 3)) / 2);
    await test.dataPool.query("vacuum acme_jobs.outbox");
    expect(await outboxBytes(test)).toBeLessThan(fullBytes / 5);
  });
});

/** As committed by many units of work. */
async function fillOutbox(test: TestJobs): Promise<void> {
  await test.dataPool.query(
    `insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
     select gen_random_uuid(), 't', json_build_object('n', n, 'text', repeat('x', $2)), false
     from generate_series(1, $1::int) as n`,
    [rowCount, payloadBytes],
  );
}

/** Reads from the end of the index, where there are no dead rows. */
async function hasRows(test: TestJobs): Promise<boolean> {
  const { rowCount: found } = await test.dataPool.query("select from acme_jobs.outbox order by position desc limit 1");
  return found === 1;
}

async function takenCount(test: TestJobs): Promise<number> {
  const { rows } = await test.jobsPool.query("select count(*)::int as count from acme_jobs.taken");
  return rows[0].count;
}

/** Recorded from a running relay, so that it is the real statement. */
async function statementThatClaims(): Promise<Statement> {
  await using test = await createTestJobs({ outbox: true });
  const pool = new Pool({ connectionString: test.dataUrl });
  const statements = recordStatements(pool);
  onTestFinished(() => pool.end());
  await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool }, logger: collectInto([]) });
  await test.dataPool.query(
    "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), 't', '{}', false)",
  );
  jobs.startRelay();
  await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

  const claims = statements.filter(({ text }) => /for update/.test(text));
  expect(claims).not.toEqual([]);
  return claims[0]!;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

/** The index by which each table is read, or "Seq Scan" and the like. */
async function indexesOf(test: TestJobs, claim: Statement): Promise<string[]> {
  const { rows } = await test.dataPool.query(`explain (format json) ${claim.text}`, [...claim.values]);
  const [{ Plan: root }] = rows[0]["QUERY PLAN"] as [{ Plan: PlanNode }];
  return nodesOf(root)
    .filter((node) => node["Relation Name"] !== undefined)
    .map((node) => node["Index Name"] ?? node["Node Type"]);
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** Each batch is remembered with `now()`, the time at which its transaction began. */
async function ratesInTenths(test: TestJobs): Promise<number[]> {
  const { rows } = await test.jobsPool.query<{ rate: number }>(`
    with batches as (
      select taken_at, count(*) as size, sum(count(*)) over (order by taken_at) as total,
        extract(epoch from lead(taken_at) over (order by taken_at) - taken_at) as seconds
      from acme_jobs.taken group by taken_at
    )
    select (sum(size) / sum(seconds))::float8 as rate
    from batches where seconds is not null
    group by ceil(total * 10 / ${rowCount}) order by ceil(total * 10 / ${rowCount})`);
  return rows.map(({ rate }) => rate);
}

async function outboxBytes(test: TestJobs): Promise<number> {
  const { rows } = await test.dataPool.query("select pg_total_relation_size('acme_jobs.outbox')::float8 as bytes");
  return rows[0].bytes;
}

/** The highest use, garbage left out, above the use at the beginning. */
function watchMemory(): { stop(): number } {
  const used = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let highest = before;
  const timer = setInterval(() => (highest = Math.max(highest, used())), 200);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(highest, used()) - before;
    },
  };
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
