import type { Queryable } from "../database/queryable.ts";

/** No two servers start in the same microsecond. Changes nothing, unlike the marker by which `enqueue` finds out. */
const identitySql = `
  select extract(epoch from pg_postmaster_start_time())::text as server, oid::text as database
  from pg_database where datname = current_database()`;

/** What two connections have in common. `undefined`: they lead to two servers, as far as is known. */
export async function whatIsShared(one: Queryable, other: Queryable): Promise<"database" | "server" | undefined> {
  try {
    const [first, second] = [(await one.query(identitySql)).rows[0], (await other.query(identitySql)).rows[0]];
    if (first?.["server"] !== second?.["server"]) return undefined;
    return first?.["database"] === second?.["database"] ? "database" : "server";
  } catch {
    return undefined;
  }
}
