import { describe, expect, it } from "vitest";
import { CommitOutcomeUnknownError } from "../errors.ts";
import { isQuestion } from "./change-commit.ts";
import { durably, Happened, happened } from "./events.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What a unit has written may tell of its COMMIT, or hide it. */
export function describeCommitWitness<Tx>(tested: TestedAdapter<Tx>): void {
  describe("a connection lost during COMMIT", () => {
    it("leaves the outcome unknown if the server has made a checkpoint since, as after a crash", async () => {
      await using world = await createWorld(tested);
      void world.proxy.dropCommitReply();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        // Not before the connection has said where the log stands.
        await tested.query(tx, "insert into slow_to_commit values (1)");
        const { begin } = world.adapter;
        Object.assign(world.adapter, {
          begin: async (...args: Parameters<typeof begin>) => {
            await world.admin.query("checkpoint");
            return begin(...args);
          },
        });
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
    });

    it("resolves by what the unit itself has written, even if a checkpoint has come in between", async () => {
      await using world = await createWorld(tested);
      const witness = { text: "select from durable_rows where id = $1", values: [1] };
      world.bus.register(
        Happened,
        durably({
          ...world.store,
          write: async (...args) => ({ ...(await world.storeWithProof.write(...args)), witness }),
        }),
      );
      const { begin } = world.adapter;
      await world.unitOfWork.run(() => "tried out");
      Object.assign(world.adapter, {
        begin: async (...args: Parameters<typeof begin>) => {
          if (isQuestion(...args)) await world.admin.query("checkpoint");
          return begin(...args);
        },
      });
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1]);
      expect(await world.stored("durable_rows")).toEqual([1]);
    });

    it.each(["MY001", "PT409", "U0001"])("is rolled back by a trigger's own error at COMMIT: %s", async (code) => {
      await using world = await createWorld(tested);
      await world.admin.query(`create or replace function refuse_late() returns trigger language plpgsql as $$
          begin raise exception 'refused late' using errcode = '${code}'; end $$;
        create or replace trigger refuse_late after insert on counters for each row execute function refuse_late();
        drop trigger refuse_late on counters;
        create constraint trigger refuse_late after insert on counters deferrable initially deferred
          for each row execute function refuse_late()`);

      const running = world.unitOfWork.run(({ tx }) => tested.query(tx, "insert into counters values ('c', 0)"));

      await expect(running).rejects.toMatchObject({ code });
      await world.admin.query("drop trigger refuse_late on counters");
    });

    it("does not count a unit as committed that has written only on a foreign server", async ({ skip }) => {
      await using world = await createWorld(tested);
      const { pathname, password, username } = new URL(world.url);
      const { rows } = await world.admin.query<{ host: string; port: number; fdw: boolean }>(
        `select host(inet_server_addr()), inet_server_port() as port,
           exists (select from pg_available_extensions where name = 'postgres_fdw') as fdw`,
      );
      const { host, port, fdw } = rows[0]!;
      if (!fdw) skip("The server has no postgres_fdw.");
      await world.admin.query(`create extension if not exists postgres_fdw;
        create server there foreign data wrapper postgres_fdw
          options (host '${host}', port '${port}', dbname '${pathname.slice(1)}');
        create user mapping for current_user server there options (user '${username}', password '${decodeURIComponent(password)}');
        create foreign table rows_there (id int) server there options (table_name 'rows')`);
      void world.proxy.cutBeforeCommit();

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "insert into rows_there values (1)");
        record(happened(1));
      });

      await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(world.handled).toEqual([]);
      await world.admin.query("drop extension postgres_fdw cascade");
    });

    it("counts a unit that has written nothing as committed", async () => {
      await using world = await createWorld(tested);
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "select * from rows");
        record(happened(1));
      });

      expect(world.handled).toEqual([1]);
    });

    it("asks about the id that a durable store has returned, without a guard of its own", async () => {
      await using world = await createWorld(tested);
      world.bus.register(Happened, durably(world.storeWithProof));
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(({ record }) => record(happened(1)));

      expect(world.handled).toEqual([1]);
      expect(await world.stored("durable_rows")).toEqual([1]);
    });
  });
}
