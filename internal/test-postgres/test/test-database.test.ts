import { expect, it } from "vitest";
import { createTestDatabase } from "../src/index.ts";

it("gives each test a database of its own", async () => {
  await using database = await createTestDatabase();

  const { rows } = await database.pool().query("select current_database() as name");

  expect(rows).toEqual([{ name: database.name }]);
});
