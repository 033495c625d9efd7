import { describe, expect, it } from "vitest";
import { gate, happened } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { Client } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** Connections of the pool that a firewall has forgotten: they are open, and nothing arrives any more. */
export function describeDeadConnections<Tx>(tested: TestedAdapter<Tx>): void {
  describe.skipIf(!tested.isOverPg)("a connection that has died while it was idle", () => {
    it("holds up only the unit that has it, even if that is the first unit of its pool", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(tested, { max: 2, onClient: (client) => clients.push(client) });
      await (await world.adapter.begin({})).rollback(undefined);
      clients.forEach(die);
      const aborting = new AbortController();
      const first = world.unitOfWork.run(() => "first", { signal: aborting.signal });

      const others = Promise.all([world.unitOfWork.run(() => "second"), world.unitOfWork.run(() => "third")]);

      await expect(others).resolves.toEqual(["second", "third"]);
      aborting.abort(new Error("too late"));
      await expect(first).rejects.toThrow("too late");
      // The pool ends when it has all of its connections back, and would wait half a minute for this one.
      clients.forEach(comeBack);
    });

    it("is closed when the unit that waits for its answer to BEGIN is aborted", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(tested, { onClient: (client) => clients.push(client) });
      await world.unitOfWork.run(() => "tried out");
      clients.forEach(die);

      const running = world.unitOfWork.run(() => "never", { signal: AbortSignal.timeout(100) });

      await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      await eventually(() => world.inUseCount()).toBe(0);
    });

    it("is closed when it does not answer the question about a COMMIT", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(tested, { max: 4, onClient: (client) => clients.push(client) });
      const { opened, open } = gate();
      const all = Array.from({ length: 4 }, () => world.unitOfWork.run(() => opened));
      await eventually(() => clients.length).toBe(4);
      await eventually(() => world.inUseCount()).toBe(4);
      open();
      await Promise.all(all);
      void world.proxy.dropCommitReply();

      await world.unitOfWork.run(async ({ query, record }) => {
        await query("insert into rows values (1)");
        record(happened(1));
        const { rows } = await query("select pg_backend_pid() as pid");
        for (const client of clients) if (processIdOf(client) !== rows[0]?.["pid"]) die(client);
      });

      expect(world.handled).toEqual([1]);
      await eventually(() => world.inUseCount()).toBe(0);
    });
  });

  describe("a server that accepts connections and never answers", () => {
    it("occupies no more than four connections of a pool while it is asked about a COMMIT", async () => {
      await using world = await createWorld(tested, { max: 10, outcomeTimeoutMs: 6_500 });
      await world.unitOfWork.run(() => "tried out");
      void world.proxy.dropCommitReply().then(() => world.proxy.goSilent());

      const running = world.unitOfWork.run(async ({ query, record }) => {
        await query("insert into rows values (1)");
        record(happened(1));
      });

      await expect(running).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(world.inUseCount()).toBeLessThanOrEqual(4);
      world.proxy.resume();
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
    });
  });
}

interface Internals {
  readonly processID: number;
  readonly connection: { readonly stream: { pause(): void; resume(): void } };
}

function die(client: Client): void {
  (client as unknown as Internals).connection.stream.pause();
}

function comeBack(client: Client): void {
  (client as unknown as Internals).connection.stream.resume();
}

function processIdOf(client: Client): number {
  return (client as unknown as Internals).processID;
}
