import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import type { Pool } from "pg";
import { z } from "zod";
import { defineTask, type Jobs } from "../../src/index.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ n: number }>()) {}

export const shipOrder = defineTask("ship_order", { payload: z.object({ n: z.number() }) });

export interface ContinuousWriter extends AsyncDisposable {
  readonly committedCount: () => number;
  /** What ended the writing early. */
  readonly errors: readonly unknown[];
  /** Milliseconds that each commit took since this was asked last, its unit included. */
  takeLatencies(): number[];
  stop(): Promise<void>;
}

/** Two callers that commit an order and its job again and again: one through a unit of work, one with a `tx` of its own. */
export function startWriting(pool: Pool, jobs: Jobs): ContinuousWriter {
  const bus = createEventBus();
  bus.register(
    OrderPlaced,
    jobs.durable(shipOrder, ({ n }) => ({ n })),
  );
  const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });
  const byUnit = (n: number) => unitOfWork.run(({ record }) => record(new OrderPlaced({ n })));
  const byTransaction = async (n: number) => {
    const client = await pool.connect();
    await client.query("begin");
    await jobs.enqueue(shipOrder, { n }, { tx: client });
    await client.query("commit");
    client.release();
  };

  const errors: unknown[] = [];
  let latencies: number[] = [];
  let committed = 0;
  const stopping = new AbortController();
  const repeat = async (write: (n: number) => Promise<void>) => {
    while (!stopping.signal.aborted && errors.length === 0) {
      const beganAt = performance.now();
      await write(committed);
      latencies.push(performance.now() - beganAt);
      committed += 1;
    }
  };
  const note = (error: unknown) => void errors.push(error);
  const finished = Promise.all([repeat(byUnit).catch(note), repeat(byTransaction).catch(note)]);
  const stop = async () => {
    stopping.abort();
    await finished;
  };

  return {
    committedCount: () => committed,
    errors,
    takeLatencies() {
      const taken = latencies;
      latencies = [];
      return taken;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
