import knex from "knex";
import { expect, it } from "vitest";
import { knexTransactions } from "../src/knex.ts";
import { describeTransactionAdapter } from "./conformance/describe-transaction-adapter.ts";
import { knexDriver } from "./conformance/drivers.ts";
import { createWorld, happened } from "./conformance/world.ts";

describeTransactionAdapter(knexDriver);

it("lets the work use knex's own nested transactions", async () => {
  await using world = await createWorld(knexDriver);

  await world.unitOfWork.run(async ({ tx, record }) => {
    record(happened(1));
    await tx.transaction((nested) => nested("rows").insert({ id: 1 }));
    await tx
      .transaction(async (nested) => {
        await nested("rows").insert({ id: 2 });
        throw new Error("boom");
      })
      .catch(() => {});
  });

  expect(world.handled).toEqual([1]);
  expect(await world.stored()).toEqual([1]);
});

it("refuses what is not a knex instance for PostgreSQL, and says what to give", () => {
  for (const wrong of [undefined, {}, () => {}, knex({ client: "sqlite3" })]) {
    expect(() => knexTransactions(wrong as never)).toThrow(
      expect.objectContaining({ code: "ADAPTER_INVALID", message: expect.stringContaining('client: "pg"') }),
    );
  }
});
