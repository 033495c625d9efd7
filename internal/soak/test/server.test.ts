import { Client } from "pg";
import { expect, it } from "vitest";
import { startNetwork } from "../src/network.ts";
import { startServerWithStandby } from "../src/server.ts";

async function ask(connectionString: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

it("keeps what was confirmed over crashes, immediate stops and failovers, behind the same address", async () => {
  await using server = await startServerWithStandby();
  await using network = await startNetwork(server.urls);
  const { url } = network.proxy("writer-1", "app");
  await ask(url, "create table note (text text)");

  for (const text of ["first", "second"]) {
    await ask(url, `insert into note values ('before the crash of the ${text}')`);
    await server.crash();
    await ask(url, `insert into note values ('before the stop of the ${text}')`);
    await server.stopImmediately();
    await server.start();
    await ask(url, `insert into note values ('before the failover from the ${text}')`);
    await server.failOver();
    network.redirect(server.urls);
    await server.addStandby();
  }

  expect(await ask(url, "select text from note")).toEqual([
    "before the crash of the first",
    "before the stop of the first",
    "before the failover from the first",
    "before the crash of the second",
    "before the stop of the second",
    "before the failover from the second",
  ]);
});

it("has every COMMIT wait for the standby, so nothing that was confirmed can be lost", async () => {
  await using server = await startServerWithStandby();

  const states = await ask(server.urls.jobs, "select sync_state from pg_stat_replication");

  expect(states).toEqual(["sync"]);
});
