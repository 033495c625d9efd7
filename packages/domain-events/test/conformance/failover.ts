import { isInstalled, postgresVersions } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { nothingWrong } from "./count-units.ts";
import { runFailoverLoad } from "./failover-load.ts";
import { callForWaiting, startReplicated, untilWaitingForStandby } from "./replicated.ts";
import { hear, stallCommit } from "./stalled-commit.ts";
import { startStranger } from "./stranger.ts";
import { insertOne, openUnits, storedRows, withClient } from "./units.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

const canFailOver = process.platform !== "win32";
/** Where a test has servers of its own; the promotion amid COMMITs is seen on all versions. */
const newest = "18";
/** Two servers have to start on a machine that others use, too. */
const timeout = 60_000;

/** A standby that takes over lacks what it had not received, and hands those transaction ids out again. */
export function describeFailover<Tx>(driver: TestedAdapter<Tx>): void {
  describe.runIf(canFailOver && isInstalled(newest))(`${driver.name}: an asynchronous standby`, { timeout }, () => {
    it("does not make a unit resolve that was committed only on the old primary and never confirmed", async () => {
      await using servers = await startReplicated({ version: newest, isSynchronous: false });
      const { link, address, standby, primary } = servers;
      await using units = await openUnits(driver, address.url);
      link.goSilent();
      const dropped = address.dropCommitReply().then(() => address.refuseConnections());

      const saying = hear(insertOne(driver, units, 1));
      await dropped;
      expect(await storedRows(primary.url())).toContain(1);
      await servers.promote();
      await using stranger = await startStranger(standby.url());
      await stranger.commits(100);
      await servers.redirect();
      expect(await saying).not.toBe("resolved");
      expect(units.published).toEqual([]);
      expect(await storedRows(standby.url())).not.toContain(1);
    });

    it("does not make a unit resolve that was in COMMIT when the primary died, even if another transaction gets its id", async () => {
      await using servers = await startReplicated({ version: newest, isSynchronous: false });
      await using units = await openUnits(driver, servers.address.url);
      await using commit = await stallCommit(driver, units, { id: 1, serverUrl: servers.primary.url() });

      await servers.failOver();
      await using stranger = await startStranger(servers.standby.url());
      await stranger.reached(commit.transactionId);

      expect(await commit.said).not.toBe("resolved");
      expect(units.published).toEqual([]);
      expect(await storedRows(servers.standby.url())).not.toContain(1);
    });

    it("is not believed before it is promoted, since it may lack commits of the primary", async () => {
      await using servers = await startReplicated({ version: newest, isSynchronous: false });
      const { link, address, standby } = servers;
      let answerCount = 0;
      await using units = await openUnits(driver, address.url, {
        outcomeTimeoutMs: 3_000,
        onClient: (client) => client.connection.on("readyForQuery", () => (answerCount += 1)),
      });
      link.goSilent();
      const moving = async () => {
        await address.dropCommitReply();
        address.redirect(standby.url());
        answerCount = 0;
      };
      const moved = moving();
      let isSaid = false;
      const saying = hear(insertOne(driver, units, 1));
      void saying.then(() => (isSaid = true));
      await moved;
      await expect.poll(() => isSaid || answerCount > 0, { timeout: 10_000 }).toBe(true);
      link.resume();

      const said = await saying;
      expect(said).not.toBe("rejected");
      expect(units.published).toEqual(said === "resolved" ? [1] : []);
      await expect.poll(() => storedRows(standby.url())).toContain(1);
    });
  });

  describe.runIf(canFailOver && isInstalled(newest))(`${driver.name}: a synchronous standby`, { timeout }, () => {
    it("does not make a unit resolve that still waited for it when the primary died", async () => {
      await using servers = await startReplicated({ version: newest, isSynchronous: true });
      await using units = await openUnits(driver, servers.address.url);
      servers.link.goSilent();

      const saying = hear(insertOne(driver, units, 1));
      await untilWaitingForStandby(servers, 1);
      await servers.failOver();
      await using stranger = await startStranger(servers.standby.url());
      await stranger.commits(100);

      expect(await saying).not.toBe("resolved");
      expect(units.published).toEqual([]);
      expect(await storedRows(servers.standby.url())).not.toContain(1);
    });

    it.each([
      { end: "cancelled: COMMIT is answered with a warning", functionName: "pg_cancel_backend", before: "select" },
      {
        end: "cancelled in a session that hides warnings",
        functionName: "pg_cancel_backend",
        before: "set local client_min_messages = error",
      },
      { end: "ended: the connection is lost", functionName: "pg_terminate_backend", before: "select" },
      {
        end: "ended, and was asked for by this unit alone",
        functionName: "pg_terminate_backend",
        before: "set local synchronous_commit = on",
        role: "alter role postgres set synchronous_commit = local",
      },
    ])("leaves the outcome unknown when the wait for it is $end", async ({ functionName, before, role }) => {
      await using servers = await startReplicated({ version: newest, isSynchronous: true });
      await withClient(servers.primary.url(), (client) => client.query(role ?? "select"));
      await using units = await openUnits(driver, servers.address.url, { outcomeTimeoutMs: 1_000 });
      // So that the server has said who it is a moment ago, and is asked for less.
      await insertOne(driver, units, 7);
      servers.link.goSilent();

      const saying = hear(insertOne(driver, units, 1, before));
      await untilWaitingForStandby(servers, 1);
      await callForWaiting(servers, functionName);

      expect(await saying).toBe("unknown");
      expect(units.published).toEqual([7]);
      expect(await storedRows(servers.primary.url())).toContain(1);
      await servers.failOver();
      expect(await storedRows(servers.standby.url())).not.toContain(1);
    });

    it("never makes a unit report a rollback if it received the commit after the wait had ended", async () => {
      await using servers = await startReplicated({ version: newest, isSynchronous: true });
      await using units = await openUnits(driver, servers.address.url, { outcomeTimeoutMs: 3_000 });
      servers.link.goSilent();

      const saying = hear(insertOne(driver, units, 1));
      await untilWaitingForStandby(servers, 1);
      await callForWaiting(servers, "pg_terminate_backend");
      servers.link.resume();

      const said = await saying;
      expect(said).not.toBe("rejected");
      expect(units.published).toEqual(said === "resolved" ? [1] : []);
      await expect.poll(() => storedRows(servers.standby.url())).toContain(1);
    });
  });

  describe.each(postgresVersions)(
    `${driver.name}: a standby of PostgreSQL %s promoted amid COMMITs`,
    { timeout },
    (version) => {
      const isPossible = canFailOver && isInstalled(version);

      it.runIf(isPossible)(
        "loses only commits that were confirmed before if it is asynchronous, and invents none",
        async () => {
          const count = await runFailoverLoad(driver, { version, isSynchronous: false });

          expect(count).toMatchObject(nothingWrong);
          expect(count.confirmedAndLost).toBeGreaterThan(0);
        },
      );

      it.runIf(isPossible)("loses no confirmed commit if it is synchronous, and invents none", async () => {
        const count = await runFailoverLoad(driver, { version, isSynchronous: true });

        expect(count).toMatchObject(nothingWrong);
        expect(count.committed).toBeGreaterThan(0);
      });
    },
  );
}
