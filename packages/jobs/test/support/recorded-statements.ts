import type { Pool, PoolClient, QueryConfig } from "pg";

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The statements that a pool sends. Call it before the pool is used for the first time. */
export function recordStatements(pool: Pool): readonly Statement[] {
  const statements: Statement[] = [];
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: [string | QueryConfig, unknown[]?]) => {
      const [statement, values] = args;
      const { text, values: ownValues } = typeof statement === "string" ? { text: statement, values } : statement;
      statements.push({ text, values: ownValues ?? values ?? [] });
      return query(...args);
    }) as typeof client.query;
  });
  return statements;
}
