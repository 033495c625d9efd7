import { defineTask, NonRetryableError, perform, type PerformableTask, retry } from "@acme/jobs";
import type { Pool } from "pg";
import { z } from "zod";

const order = z.object({ order: z.string() });

export const sendReceipt = defineTask("sendReceipt", { payload: order });
export const sendOffer = defineTask("sendOffer", { payload: z.object({ customer: z.string() }) });
export const sendReminder = defineTask("sendReminder", { payload: z.object({ customer: z.string() }) });
export const printLabel = defineTask("printLabel", { payload: z.object({ parcel: z.string() }) });

/** Fails for good while the payment provider is down: two attempts are soon used. */
export const chargeCard = defineTask("chargeCard", {
  payload: z.object({ order: z.string(), isStolen: z.boolean() }),
  retry: retry.fixed({ attempts: 2, delayMs: 50 }),
});

/** Tried nearly for ever: a delivery must be announced. */
export const announceDelivery = defineTask("announceDelivery", {
  payload: z.object({ delivery: z.string(), article: z.string() }),
  retry: retry.fixed({ attempts: 1_000, delayMs: 1_000 }),
});

/** What the shop does, with its effects as rows. */
export function createShopTasks(pool: Pool): readonly PerformableTask[] {
  const note = (task: string, what: string) =>
    pool.query("insert into shop.done (task, what) values ($1, $2) on conflict do nothing", [task, what]);
  return [
    perform(sendReceipt, async (payload) => void (await note("sendReceipt", payload.order))),
    perform(sendOffer, async ({ customer }) => void (await note("sendOffer", customer))),
    perform(sendReminder, async ({ customer }) => void (await note("sendReminder", customer))),
    perform(printLabel, async ({ parcel }) => void (await note("printLabel", parcel))),
    perform(chargeCard, async (payload) => {
      if (payload.isStolen) throw new NonRetryableError("The card was reported as stolen");
      const { rowCount } = await pool.query("select from shop.outages where upstream = 'payments'");
      if (rowCount !== 0) throw new Error("payments.example does not answer");
      await note("chargeCard", payload.order);
    }),
    perform(announceDelivery, async ({ delivery, article }) => {
      if (article.startsWith("?")) throw new Error("The warehouse knows no such article");
      await note("announceDelivery", delivery);
    }),
  ];
}
