import { isInstalled, postgresVersions, startServer } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { hear } from "./stalled-commit.ts";
import { createTables, insertOne, openUnits, storedRows, withClient } from "./units.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

const timeout = 40_000;

/**
 * A cancel that arrives while COMMIT writes to the disk is heeded when that is done: the server logs the statement, and answers COMMIT with its
 * tag and with an error behind it.
 */
const settings = { commit_delay: "100000", commit_siblings: "0", log_min_duration_statement: "0" };

export function describeCancelledCommit<Tx>(driver: TestedAdapter<Tx>): void {
  describe.each(postgresVersions)(
    `${driver.name}: a COMMIT of PostgreSQL %s that is cancelled`,
    { timeout },
    (version) => {
      it.runIf(isInstalled(version))("is not reported as rolled back if it took place all the same", async () => {
        await using server = await startServer({ version, settings });
        await createTables(server.url());
        await using units = await openUnits(driver, server.url());
        await insertOne(driver, units, 1);

        const saying = await cancelCommit(server.url(), () => hear(insertOne(driver, units, 2)));

        expect(saying).toBe("resolved");
        expect(await storedRows(server.url())).toContain(2);
        expect(units.published).toEqual([1, 2]);
      });

      it.runIf(isInstalled(version))("does not run the work again, even if a conflict came before it", async () => {
        await using server = await startServer({ version, settings });
        await createTables(server.url());
        await using units = await openUnits(driver, server.url());
        let runs = 0;

        const running = () =>
          units.unitOfWork.run(async ({ tx, savepoint }) => {
            runs += 1;
            await savepoint(() =>
              driver.query(tx, "do $$ begin raise exception 'as if' using errcode = '40001'; end $$"),
            ).catch(() => {});
            await driver.query(tx, `insert into rows values (${runs})`);
          });
        const saying = await cancelCommit(server.url(), () => hear(running()));

        // Without events there is no id to ask about.
        expect(saying).toBe("unknown");
        expect(runs).toBe(1);
      });
    },
  );
}

/** The server looks for the COMMIT by itself: it lasts a tenth of a second, which may be over before a question from outside has arrived. */
async function cancelCommit(url: string, start: () => Promise<string>): Promise<string> {
  return withClient(url, async (client) => {
    await client.query("set statement_timeout = '10s'");
    const cancelling = client.query(`do $$ declare cancelled integer := 0; begin
      while cancelled = 0 loop
        perform pg_stat_clear_snapshot();
        select count(*) filter (where pg_cancel_backend(pid)) into cancelled
          from pg_stat_activity where state = 'active' and query ilike 'commit%';
      end loop; end $$`);
    const [saying] = await Promise.all([start(), cancelling]);
    return saying;
  });
}
