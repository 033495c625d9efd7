import {
  isInstalled,
  postgresVersions,
  type PostgresSettings,
  type RestartableServer,
  startProxy,
  startServer,
} from "@acme/test-postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nothingWrong } from "./count-units.ts";
import { runCrashLoad } from "./crash-load.ts";
import { hear, type Said, stallCommit } from "./stalled-commit.ts";
import { startStranger } from "./stranger.ts";
import { createTables, insertOne, openUnits, storedRows, touchTables, type UnitsOptions } from "./units.ts";
import type { DurableHandler, DurableTransaction } from "../../src/index.ts";
import { durably, Happened } from "../../src/conformance/events.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

/** Of each combination of version and settings; `CRASH_ROUNDS=200` for a thorough look. */
const rounds = Number(process.env["CRASH_ROUNDS"] ?? 4);
const canCrash = process.platform !== "win32";

/** A server that recovers has lost what was not on its disk, and hands the ids of lost transactions out again. */
export function describeCrash<Tx>(driver: TestedAdapter<Tx>): void {
  describe.each(postgresVersions)(`${driver.name}: a crash of PostgreSQL %s during COMMIT`, (version) => {
    const isPossible = canCrash && isInstalled(version);
    let server: RestartableServer;
    let latestId = 0;

    beforeAll(async () => {
      if (!isPossible) return;
      server = await startServer({ version, settings: writesWalOnlyAtCommit });
      await createTables(server.url());
    }, 60_000);
    afterAll(() => server?.[Symbol.asyncDispose]());

    it.runIf(isPossible).each([
      { end: "one backend is killed", crash: () => server.crash() },
      { end: "the server is stopped immediately", crash: () => stopImmediatelyAndStart() },
    ])(
      "rolls back a unit, which does not resolve because another transaction gets its id later: $end",
      async ({ crash }) => {
        const { said, published, hasRow } = await loseCommit({ crashes: [crash], isReachable: true });

        expect(said).not.toBe("resolved");
        expect([published, hasRow]).toEqual([[], false]);
      },
    );

    it.runIf(isPossible).each([
      { times: "once", crashes: [() => server.crash()] },
      { times: "twice", crashes: [() => server.crash(), () => server.crash()] },
    ])(
      "rolls back a unit, which does not resolve because another transaction has its id already: $times",
      async ({ crashes }) => {
        const { said, published, hasRow } = await loseCommit({ crashes, isReachable: false });

        expect(said).not.toBe("resolved");
        expect([published, hasRow]).toEqual([[], false]);
      },
    );

    it.runIf(isPossible)(
      "rolls back a unit, which does not resolve because of the id that its durable store has read",
      async () => {
        const { said, published, hasRow } = await loseCommit({
          crashes: [() => server.crash()],
          isReachable: false,
          store: storeThatReadsTheId,
        });

        expect(said).not.toBe("resolved");
        expect([published, hasRow]).toEqual([[], false]);
      },
    );

    it.runIf(isPossible)(
      "is known at once to have rolled the unit back if no other transaction has got its id",
      async () => {
        await using world = await openAtProxy({ outcomeTimeoutMs: 600_000 });
        await using commit = await stallCommit(driver, world.units, { id: world.id, serverUrl: server.url() });

        await server.crash();

        expect(await commit.said).not.toBe("resolved");
        expect(world.units.published).toEqual([]);
      },
    );

    it.runIf(isPossible)("never makes a unit report a rollback if its COMMIT took place", async () => {
      await using world = await openAtProxy();
      const dropped = world.proxy.dropCommitReply().then(() => world.proxy.refuseConnections());

      const saying = hear(insertOne(driver, world.units, world.id));
      await dropped;
      await server.crash();
      await using stranger = await startStranger(server.url());
      await stranger.commits(1);
      await world.proxy.acceptConnections();

      const said = await saying;
      expect(said).not.toBe("rejected");
      expect(world.units.published).toEqual(said === "resolved" ? [world.id] : []);
      expect(await storedRows(server.url())).toContain(world.id);
    });

    it.runIf(isPossible)("lets later units commit as ever", async () => {
      await using world = await openAtProxy();
      await insertOne(driver, world.units, world.id);
      const later = (latestId += 1);

      await server.crash();
      await expect.poll(() => hear(insertOne(driver, world.units, later))).toBe("resolved");

      expect(world.units.published).toEqual([world.id, later]);
    });

    it.runIf(isPossible).each([
      { name: "default settings", settings: {} },
      { name: "a slow disk", settings: { commit_delay: "5000" } },
    ])(
      `resolves and publishes nothing without its row, in ${rounds} crashes under load: $name`,
      { timeout: 30_000 + rounds * 3_000 },
      async ({ settings }) => {
        const count = await runCrashLoad(driver, { version, settings, rounds });

        expect(count).toMatchObject(nothingWrong);
        expect(count.committed).toBeGreaterThan(rounds);
      },
    );

    /**
     * Loses a unit in the middle of its COMMIT, and lets a stranger have its id: while the unit can ask about it, or
     * before. What the server happened to have written by then keeps its id; then it is tried again.
     */
    async function loseCommit({ crashes, isReachable, store }: Loss): Promise<LostCommit> {
      for (let tries = 0; tries < 5; tries += 1) {
        await using world = await openAtProxy();
        if (store) world.units.bus.register(Happened, durably(store));
        await using commit = await stallCommit(driver, world.units, { id: world.id, serverUrl: server.url() });

        if (!isReachable) world.proxy.refuseConnections();
        let isReused = false;
        for (const crash of crashes) {
          await crash();
          await using stranger = await startStranger(server.url());
          await stranger.reached(commit.transactionId);
          isReused ||= stranger.had(commit.transactionId);
        }
        await world.proxy.acceptConnections();

        const said = await commit.said;
        const hasRow = (await storedRows(server.url())).includes(world.id);
        const isAllRight = said !== "resolved" && world.units.published.length === 0 && !hasRow;
        if (!isAllRight || isReused) return { said, published: world.units.published, hasRow };
      }
      throw new Error("The server never handed the id of a lost transaction out again.");
    }

    async function openAtProxy(options?: UnitsOptions) {
      await using opened = new AsyncDisposableStack();
      const proxy = opened.use(await startProxy(server.url()));
      const units = opened.use(await openUnits(driver, proxy.url, options));
      const id = (latestId += 1);
      await touchTables(server.url(), -id);
      const all = opened.move();
      return { proxy, units, id, [Symbol.asyncDispose]: () => all.disposeAsync() };
    }

    async function stopImmediatelyAndStart(): Promise<void> {
      await server.stopImmediately();
      await server.start();
    }
  });
}

/**
 * With these nothing but a COMMIT brings the log to the disk. Otherwise the background writer notes the running
 * transactions there, the WAL writer flushes that 200 ms later at the latest, and a lost transaction keeps its id.
 */
const writesWalOnlyAtCommit: PostgresSettings = {
  wal_level: "minimal",
  max_wal_senders: "0",
  wal_writer_delay: "10s",
  autovacuum: "off",
};

interface Loss {
  /** After each, a stranger writes until the id is taken. */
  readonly crashes: readonly (() => Promise<void>)[];
  /** Whether the unit can ask as soon as the server has recovered, or only when a stranger has its id. */
  readonly isReachable: boolean;
  readonly store?: DurableHandler<Happened>["store"];
}

interface LostCommit {
  readonly said: Said;
  readonly published: readonly number[];
  readonly hasRow: boolean;
}

/** Spares the unit of work its own look: what a store brings has to be as good a proof. */
const storeThatReadsTheId: DurableHandler<Happened>["store"] = {
  async write(requests: readonly unknown[], transaction?: DurableTransaction) {
    const proofSql = transaction?.proofSql ?? "null";
    const text = `insert into durable_rows select unnest($1::int[]) returning ${proofSql} as proof`;
    const answer = await transaction?.query(text, [requests]);
    return { proof: answer?.rows[0]?.["proof"] };
  },
  wake() {},
};
