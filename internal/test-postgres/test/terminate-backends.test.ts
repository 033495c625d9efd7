import { expect, it } from "vitest";
import { terminateBackends } from "../src/index.ts";
import { connect, createNotes, ended } from "./notes.ts";

it("ends every other session of the database, and no other database's", async () => {
  await using database = await createNotes();
  await using other = await createNotes();
  const [doomed, spared] = [await connect(database.url), await connect(other.url)];
  const end = ended(doomed);

  const count = await terminateBackends(database.url);

  await end;
  expect(count).toBeGreaterThanOrEqual(1);
  await expect(spared.query("select 1")).resolves.toMatchObject({ rowCount: 1 });
  await spared.end();
});

it("ends only the sessions of one application", async () => {
  await using database = await createNotes();
  const [doomed, spared] = [await connect(`${database.url}?application_name=doomed`), await connect(database.url)];
  const end = ended(doomed);

  const count = await terminateBackends(database.url, { applicationName: "doomed" });

  await end;
  expect(count).toBe(1);
  await expect(spared.query("select 1")).resolves.toMatchObject({ rowCount: 1 });
  await spared.end();
});
