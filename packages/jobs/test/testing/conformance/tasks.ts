import { z } from "zod";
import { defineTask, perform, retry, type AttemptContext } from "../../../src/index.ts";

const payload = z.object({ n: z.number(), currency: z.string().default("EUR") });

export const bill = defineTask("bill/paid", { payload, retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }) });
export const mail = defineTask("mail", { payload: z.object({ to: z.string() }), retry: retry.never });

/** Notes what runs, and then does what it is told. */
export function performBill(ran: number[], then?: (n: number, context: AttemptContext) => unknown) {
  return perform(bill, ({ n }, context) => {
    ran.push(n);
    return then?.(n, context);
  });
}

export const inAnHour = () => new Date(Date.now() + 3_600_000);

export function broken(): never {
  throw new Error("broken");
}
