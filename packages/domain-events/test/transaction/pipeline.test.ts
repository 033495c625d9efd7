import { createTestDatabase } from "@acme/test-postgres";
import { Client } from "pg";
import { expect, it } from "vitest";
import { sendTogether } from "../../src/transaction/pipeline.ts";

it("sends nothing together while something else is on its way, which may be a cursor between two reads", async () => {
  await using database = await createTestDatabase();
  const client = new Client(database.url);
  await client.connect();
  const busy = client.query("select 1");

  expect(sendTogether(client, neverSent, neverSent)).toBeUndefined();

  await busy;
  await client.end();
});

it.each([
  ["an older pg", { readyForQuery: true }],
  ["a client that pipelines all the time", { readyForQuery: true, pipeline: true }],
  [
    "a pg that looks at who turns pipelining on",
    {
      readyForQuery: true,
      get pipeline() {
        return false;
      },
      set pipeline(_value: boolean) {
        throw new Error("not now");
      },
    },
  ],
])("sends nothing together on %s", (_title, client) => {
  expect(sendTogether(client, neverSent, neverSent)).toBeUndefined();
});

function neverSent(): never {
  throw new Error("Something was sent.");
}
