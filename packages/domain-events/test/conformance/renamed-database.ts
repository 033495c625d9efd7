import { startProxy } from "@acme/test-postgres";
import { startServer } from "@acme/test-postgres/server";
import { describe, expect, it } from "vitest";
import { send } from "../../src/conformance/databases.ts";
import { Happened, happened } from "../../src/conformance/events.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";
import { createEventBus, createUnitOfWork } from "../../src/index.ts";

/** A database restored in the place of another, as an operator does it. */
export function describeRenamedDatabase<Tx>(driver: TestedAdapter<Tx>): void {
  describe(`${driver.name}: a database that is renamed into the place of another while an answer is lost`, () => {
    it("is not believed, since it shares the ids but not the rows", async () => {
      await using server = await startServer({ databases: ["app"] });
      await using proxy = await startProxy(server.url("app"));
      await send(server.url("app"), "create table rows (id int)");
      await send(server.url(), "create database restored template app");
      const bus = createEventBus<Tx>({ logger: keepLog() });
      const handled: number[] = [];
      bus.register(Happened, ({ n }) => handled.push(n));
      const connected = await driver.connect(proxy.url, { max: 1, onClient() {} });
      const unitOfWork = createUnitOfWork(connected.adapter, { bus, outcomeTimeoutMs: 8_000 });
      await unitOfWork.run(() => {});

      const { held } = proxy.holdCommitReply();
      const running = unitOfWork.run(async ({ tx, record }) => {
        await driver.query(tx, "insert into rows values (1)");
        record(happened(1));
      });
      running.catch(() => {});
      await held;
      proxy.refuseConnections();
      for (const text of [
        "select pg_terminate_backend(pid, 3000) from pg_stat_activity where datname = 'app'",
        "alter database app rename to app_of_before",
        "alter database restored rename to app",
      ]) {
        await send(server.url(), text);
      }
      proxy.cutAll();
      await proxy.acceptConnections();

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(handled).toEqual([]);
      await connected.end();
    });
  });
}
