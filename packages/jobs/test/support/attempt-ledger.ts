import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";

type What = "begun" | "failed" | "done";

/** What became of each attempt, by the clock of a database that no fault of the test touches. */
export interface AttemptLedger extends AsyncDisposable {
  /** For {@link openAttemptLedger} in another process. */
  readonly url: string;
  note(n: number, attempt: number, what: What): Promise<void>;
  /** Each note, the oldest first. */
  notes(): Promise<{ n: number; attempt: number; what: What; at: Date }[]>;
  doneCount(): Promise<number>;
  /** How often each job was done, in the order of its number. */
  doneTimes(): Promise<number[]>;
  /** Milliseconds between each failed attempt with this number and the next one of the same job. */
  delaysAfter(attempt: number): Promise<number[]>;
}

export async function createAttemptLedger(): Promise<AttemptLedger> {
  const database = await createTestDatabase();
  const pool = database.pool();
  await pool.query(
    "create table note (n int, attempt int, what text, at timestamptz default clock_timestamp()); create index on note (n)",
  );
  return {
    url: database.url,
    note: noteIn(pool),
    notes: async () => (await pool.query("select * from note order by at")).rows,
    async doneCount() {
      const { rows } = await pool.query("select count(distinct n)::int as number from note where what = 'done'");
      return rows[0].number;
    },
    async doneTimes() {
      const { rows } = await pool.query<{ times: number }>(
        "select count(*)::int as times from note where what = 'done' group by n order by n",
      );
      return rows.map(({ times }) => times);
    },
    async delaysAfter(attempt) {
      const { rows } = await pool.query<{ delay: number }>(
        `select delay from (
           select attempt, what, (extract(epoch from lead(at) over (partition by n order by at) - at) * 1000)::float8 as delay
           from note
         ) as followed where what = 'failed' and attempt = $1 and delay is not null`,
        [attempt],
      );
      return rows.map(({ delay }) => delay);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** The ledger that another process has made. */
export function openAttemptLedger(url: string): Pick<AttemptLedger, "note"> {
  const pool = new Pool({ connectionString: url });
  pool.on("error", () => undefined);
  return { note: noteIn(pool) };
}

function noteIn(pool: Pool): AttemptLedger["note"] {
  return async (n, attempt, what) => {
    await pool.query("insert into note (n, attempt, what) values ($1, $2, $3)", [n, attempt, what]);
  };
}
