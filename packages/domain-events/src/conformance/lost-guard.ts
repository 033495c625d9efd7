import { describe, expect, it, onTestFinished, vi } from "vitest";
import { CommitOutcomeUnknownError } from "../errors.ts";
import { changeCommit, skipUnlessPipelining } from "./change-commit.ts";
import { durably, Happened, happened } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { Client } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

type Broken = {
  proxy: { goSilent(): void; cutAll(): void };
  stored(): Promise<number[]>;
};

/** The connection is lost while the guard and COMMIT are on their way. */
export function describeLostGuard<Tx>(tested: TestedAdapter<Tx>): void {
  const itOverPg = tested.isOverPg ? it : it.skip;

  describe("a connection lost before the guard is answered", () => {
    itOverPg("that the server has closed rejects with what the server said", async () => {
      let lost = false;
      await using world = await createWorld(tested, {
        onClient: (client) => void client.on("error", () => (lost = true)),
      });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await tested.query(tx, "set local idle_in_transaction_session_timeout = 20");
        record(happened(1));
        await eventually(() => lost).toBe(true);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED", cause: { code: "25P03" } });
      expect(world.handled).toEqual([]);
    });

    itOverPg.each([0, 1])(
      "because the work left something open is given up after commitTimeoutMs, with %i events",
      async (count) => {
        let client: Client | undefined;
        await using world = await createWorld(tested, {
          commitTimeoutMs: 200,
          onClient: (created) => (client = created),
        });

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          for (let n = 0; n < count; n += 1) record(happened(n));
          client?.query(new OpenPortal() as never);
        });

        await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
        expect(world.inUseCount()).toBe(0);
        expect(await world.stored()).toEqual([]);
        expect(world.handled).toEqual([]);
      },
    );

    itOverPg.for([
      { title: "it never got there", stored: [], breakIt: loseRequests },
      { title: "only the answers were lost", stored: [1], breakIt: loseAnswers },
    ])(
      "says that the outcome is unknown, and durable rows tell the truth: $title",
      async ({ stored, breakIt }, { skip }) => {
        let client: Client | undefined;
        let breakConnection = (): void => {};
        await using world = await createWorld(tested, {
          onClient: (created) => (client ??= created),
          change: changeCommit((transaction, text) => {
            breakConnection();
            return transaction.pipelineCommit?.(text);
          }),
        });
        await skipUnlessPipelining(world, skip);
        world.bus.register(Happened, durably(world.store));
        breakConnection = () => void breakIt(world, client as Client);

        const running = world.unitOfWork.run(async ({ tx, record }) => {
          await world.insert(tx, 1);
          record(happened(1));
        });

        await expect(running).rejects.toBeInstanceOf(CommitOutcomeUnknownError);
        expect(world.handled).toEqual([]);
        expect(world.wakeCount()).toBe(1);
        expect(await world.stored()).toEqual(stored);
        expect(await world.stored("durable_rows")).toEqual(stored);
      },
    );

    it("knows that nothing was committed when the network went silent while the work was busy elsewhere", async () => {
      await using world = await createWorld(tested, { queryTimeoutMs: 200 });

      const running = world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, 1);
        record(happened(1));
        world.proxy.goSilent();
        letTimePass(1_000);
      });

      await expect(running).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
      await expect(running).rejects.toHaveProperty("cause.message", expect.stringMatching(/timeout/));
      world.proxy.resume();
      expect(await world.stored()).toEqual([]);
    });
  });
}

/** A cursor that is read once and then forgotten: pg sends nothing else while it is open. */
class OpenPortal {
  submit(connection: Record<"parse" | "bind" | "execute" | "flush", (config?: object) => void>): void {
    connection.parse({ text: "select generate_series(1, 10)" });
    connection.bind();
    connection.execute({ rows: 1 });
    connection.flush();
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleError(): void {}
}

async function loseRequests(world: Broken): Promise<void> {
  world.proxy.goSilent();
  setImmediate(() => world.proxy.cutAll());
}

async function loseAnswers(world: Broken, client: Client): Promise<void> {
  const { stream } = client.connection as unknown as {
    stream: NodeJS.ReadStream & { destroy(): void };
  };
  stream.pause();
  await eventually(() => world.stored()).toEqual([1]);
  stream.destroy();
}

function letTimePass(ms: number): void {
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
  onTestFinished(() => clock.mockRestore());
}
