import { setTimeout as pause } from "node:timers/promises";
import { type Query, withConnection } from "./connection.ts";
import type { Server } from "./server.ts";

/** Drops the templates of a run, so that the next call migrates again. */
export async function dropTemplates(server: Server): Promise<void> {
  await withConnection(server, (query) => dropAll(query, templatePrefix(server)));
}

/** Drops all that a run has made, after its processes have ended or while they end. */
export async function dropDatabases(server: Pick<Server, "url" | "run">): Promise<void> {
  await withConnection(server, async (query) => {
    await untilNobodyMakesAny(query, server.run);
    await dropAll(query, `${server.run}_`);
  });
}

/** The beginning of the names of a run's templates. */
export function templatePrefix({ run }: Pick<Server, "run">): string {
  return `${run}_template_`;
}

/** A server finishes a database whose asker was killed. */
async function untilNobodyMakesAny(query: Query, run: string): Promise<void> {
  const deadlineAt = Date.now() + 30_000;
  while (Date.now() < deadlineAt) {
    const { rowCount } = await query(
      "select from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()",
      [run],
    );
    if (rowCount === 0) return;
    await pause(20);
  }
}

async function dropAll(query: Query, prefix: string): Promise<void> {
  const { rows } = await query("select datname from pg_database where starts_with(datname, $1)", [prefix]);
  for (const { datname } of rows) await query(`drop database if exists "${String(datname)}" with (force)`);
}
