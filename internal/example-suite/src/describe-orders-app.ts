import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Example, type RunningExample, startExample } from "./start-example.ts";

export type { Example } from "./start-example.ts";

/** Holds an example to what its README says. */
export function describeOrdersApp(framework: string, example: Example): void {
  describe(`the example for ${framework}`, () => {
    describe("while it runs", () => {
      let app: RunningExample;
      beforeAll(async () => {
        app = await startExample(example);
      });
      afterAll(() => app[Symbol.asyncDispose]());

      it("sends the receipt of an order in a job that knows the id of its request", async () => {
        const response = await app.place({ item: "tea" }, { "x-request-id": "req-1" });

        expect(response.status).toBe(201);
        expect(response.headers.get("x-request-id")).toBe("req-1");
        const { orderId } = (await response.json()) as { readonly orderId: string };
        const mail = { orderId, requestId: "req-1", idempotencyKey: expect.any(String) };
        await expect.poll(() => app.mailService.mails).toEqual([mail]);
      });

      it("gives a request an id if its own does not fit", async () => {
        const response = await app.place({ item: "tea" }, { "x-request-id": "a b" });

        const id = response.headers.get("x-request-id");
        expect(id).toMatch(/^[0-9a-f-]{36}$/);
        await expect.poll(() => app.mailService.mails).toContainEqual(expect.objectContaining({ requestId: id }));
      });

      it("sends nothing for an order that the database has refused", async () => {
        const refused = await app.place({ item: "" }, { "x-request-id": "refused" });
        await app.place({ item: "tea" }, { "x-request-id": "later" });

        expect(refused.status).toBe(500);
        // Jobs begin in their order: that of the refused order would have come first.
        const requestIds = () => app.mailService.mails.map(({ requestId }) => requestId);
        await expect.poll(requestIds).toContain("later");
        expect(requestIds()).not.toContain("refused");
      });
    });

    it("finishes the job that runs when SIGTERM comes, and leaves nothing locked", async () => {
      await using app = await startExample(example);
      app.mailService.hold();
      await app.place({ item: "tea" });
      await expect.poll(() => app.mailService.mails).toHaveLength(1);

      const ended = app.worker.kill("SIGTERM");
      await expect.poll(() => app.worker.stdout()).toContain("stopping");
      app.mailService.release();

      expect(await ended).toEqual({ exitCode: 0, signal: null });
      expect(await app.jobs()).toEqual([]);
      expect(app.mailService.mails).toHaveLength(1);
    });

    it.skipIf(example.startWorker)(
      "answers the request under way, and does not wait for its kept connection",
      async () => {
        await using app = await startExample(example);
        await using orders = await app.lockOrders();
        const answer = app.place({ item: "tea" });
        await expect.poll(() => orders.waitingCount()).toBe(1);

        const ended = app.server.kill("SIGTERM");
        await expect.poll(() => app.server.stdout()).toContain("stopping");
        await orders.unlock();

        expect((await answer).status).toBe(201);
        const answeredAt = performance.now();
        expect(await ended).toEqual({ exitCode: 0, signal: null });
        // The deadline would cut it after 25 s.
        expect(performance.now() - answeredAt).toBeLessThan(10_000);
      },
    );

    it("hands the job back at the deadline", async () => {
      await using app = await startExample(example, { STOP_DEADLINE_MS: "100" });
      app.mailService.hold();
      await app.place({ item: "tea" });
      await expect.poll(() => app.mailService.mails).toHaveLength(1);

      expect(await app.worker.kill("SIGTERM")).toEqual({ exitCode: 0, signal: null });

      expect(await app.jobs()).toEqual([{ attempts: 0, locked_at: null }]);
    });
  });
}
