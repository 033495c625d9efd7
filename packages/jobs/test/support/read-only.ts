import type { ClientBase } from "pg";

/** What an operator does around a switch-over: new sessions may only read, and the older ones are ended. */
export async function setReadOnly(client: ClientBase, how: "reset" | "set"): Promise<void> {
  const value = how === "set" ? " = on" : "";
  const set = `alter database %I ${how} default_transaction_read_only${value}`;
  await client.query(`do $$ begin execute format('${set}', current_database()); end $$`);
  if (how === "reset") return;
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
}
