import { expect, it } from "vitest";
import { startServer } from "../src/index.ts";
import { connect } from "./notes.ts";

it("stops and starts again on the same port with the same data", async () => {
  await using server = await startServer({ databases: ["app"] });
  const before = await connect(server.url("app"));
  await before.query("create table note as select 'kept' as text");

  await server.stop();
  await expect(connect(server.url("app"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await server.start();

  const after = await connect(server.url("app"));
  const { rows } = await after.query("select text from note");
  await after.end();
  expect(rows).toEqual([{ text: "kept" }]);
});

it("may be stopped and started twice in a row", async () => {
  await using server = await startServer();

  await server.stop();
  await server.stop();
  await server.start();
  await server.start();

  await expect(connect(server.url()).then((client) => client.end())).resolves.toBeUndefined();
});
