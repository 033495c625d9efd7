import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { drizzleLayer } from "../src/drizzle.ts";
import { kyselyLayer } from "../src/kysely.ts";
import { mikroOrmLayer } from "../src/mikro-orm.ts";
import { prismaLayer } from "../src/prisma.ts";
import { typeormLayer } from "../src/typeorm.ts";

const root = join(import.meta.dirname, "../../..");
const page = (name: string) => readFile(join(root, "docs/guides", name), "utf8");

it.each([
  ["kysely.md", "kysely-transaction.ts"],
  ["typeorm.md", "typeorm-manager.ts"],
  ["prisma.md", "prisma-adapter.ts"],
])("the lines of %s are the file that is tested: %s", async (name, file) => {
  const source = await readFile(join(import.meta.dirname, "../src", file), "utf8");

  expect(await page(name)).toContain(source.trim());
});

it.each([drizzleLayer, kyselyLayer, mikroOrmLayer, prismaLayer, typeormLayer])(
  "the table of swallowed errors says what is tested: $name",
  async ({ name, afterSwallowed }) => {
    const [row] = (await page("swallowed-errors.md")).split("\n").filter((line) => line.startsWith(`| ${name}:`));

    expect(row?.split("|")[2]?.trim()).toBe(afterSwallowed);
  },
);
