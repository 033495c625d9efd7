import { Socket } from "node:net";
import knexPackage from "knex";
import { Client, type ClientConfig } from "pg";

/** Someone who writes one row into `note` and commits, in one of the ways a driver can. */
export interface NoteWriter extends AsyncDisposable {
  /** Resolves when the COMMIT is confirmed. */
  write(): Promise<unknown>;
}

// pg knows this option, its types do not.
const extendedCommit = { text: "COMMIT;", queryMode: "extended" };

export const waysToCommit: Record<string, (url: string) => Promise<NoteWriter>> = {
  "by a simple query": (url) => pgWriter({ connectionString: url }, (client) => client.query("commit")),
  "by a named statement": (url) =>
    pgWriter({ connectionString: url }, (client) => client.query({ name: "commit", text: "COMMIT" })),
  "by an unnamed prepared statement": (url) =>
    pgWriter({ connectionString: url }, (client) => client.query(extendedCommit)),
  "as the second statement of a query": (url) =>
    pgWriter({ connectionString: url }, (client) => client.query("select 1; commit")),
  "in one segment with the query before it": (url) => pipeliningWriter(url),
  "by knex": async (url) => knexWriter(url),
};

async function pgWriter(config: ClientConfig, commit: (client: Client) => Promise<unknown>): Promise<NoteWriter> {
  const client = new Client(config);
  client.on("error", () => {});
  await client.connect();
  return {
    async write() {
      await client.query("begin");
      await client.query("insert into note values ($1)", ["written"]);
      await commit(client);
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

function pipeliningWriter(url: string): Promise<NoteWriter> {
  const stream = new Socket();
  return pgWriter({ connectionString: url, stream: () => stream, pipeline: true }, async (client) => {
    stream.cork();
    const guard = client.query("select pg_current_xact_id_if_assigned()");
    const commit = client.query("commit");
    stream.uncork();
    await Promise.all([guard, commit]);
  });
}

function knexWriter(url: string): NoteWriter {
  const knex = knexPackage.knex({ client: "pg", connection: url, pool: { min: 0, max: 1 } });
  return {
    write: () => knex.transaction((transaction) => transaction("note").insert({ text: "written" })),
    [Symbol.asyncDispose]: () => knex.destroy(),
  };
}
