import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { createWorld, gate, happened, type TestedDriver } from "./world.ts";

/** Connections of the pool that a firewall has forgotten: they are open, and nothing arrives any more. */
export function describeDeadConnections<Tx>(driver: TestedDriver<Tx>): void {
  describe(`${driver.name}: a connection that has died while it was idle`, () => {
    it("holds nobody for ever when the first unit of a pool gets it", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(driver, { onClient: (client) => clients.push(client) });
      await (await world.adapter.begin({})).rollback(undefined);
      clients.forEach(die);

      const first = world.unitOfWork.run(() => "first");
      const second = world.unitOfWork.run(() => "second");

      await expect(first).rejects.toThrow("No transaction within 5000 ms");
      await expect(second).rejects.toThrow("No transaction within 5000 ms");
      await expect(world.unitOfWork.run(() => "third")).resolves.toBe("third");
    });

    it("is closed when the unit is aborted that waits for it to answer BEGIN", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(driver, { onClient: (client) => clients.push(client) });
      await world.unitOfWork.run(() => "tried out");
      clients.forEach(die);

      const running = world.unitOfWork.run(() => "never", { signal: AbortSignal.timeout(100) });

      await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
      await expect(world.unitOfWork.run(() => "next")).resolves.toBe("next");
      await expect.poll(() => world.inUseCount()).toBe(0);
    });

    it("is closed when it does not answer what became of a COMMIT", async () => {
      const clients: Client[] = [];
      await using world = await createWorld(driver, { max: 4, onClient: (client) => clients.push(client) });
      const { opened, open } = gate();
      const all = Array.from({ length: 4 }, () => world.unitOfWork.run(() => opened));
      await expect.poll(() => clients.length).toBe(4);
      await expect.poll(() => world.inUseCount()).toBe(4);
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
      await expect.poll(() => world.inUseCount()).toBe(0);
    });
  });
}

interface Internals {
  readonly processID: number;
  readonly connection: { readonly stream: { pause(): void } };
}

function die(client: Client): void {
  (client as unknown as Internals).connection.stream.pause();
}

function processIdOf(client: Client): number {
  return (client as unknown as Internals).processID;
}
