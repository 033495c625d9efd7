import { describe, expect, it } from "vitest";
import { idempotencyKeysSql } from "../unit-of-work/run-once.ts";
import { createUnitOfWork } from "../unit-of-work/unit-of-work.ts";
import type { Pool } from "./pg-module.ts";
import type { TestedAdapter } from "./tested-adapter.ts";
import { createWorld } from "./world.ts";

/** What `migrate()` ran before the table had its name of now. */
const onceKeysOfBefore = `create schema if not exists domain_events;
create table if not exists domain_events.once_keys (
  key text collate "C" primary key,
  used_at timestamptz not null default now()
);
create index if not exists once_keys_used_at on domain_events.once_keys (used_at);`;

/** The table of the idempotency keys. */
export function describeKeysTable<Tx>(tested: TestedAdapter<Tx>): void {
  describe("runOnce", () => {
    it("refuses a key that the database would store as another key, because its encoding has one character for two", async () => {
      await using world = await createWorld(tested);
      const url = new URL(world.url);
      const name = `${url.pathname.slice(1)}_euc`;
      await world.admin.query(
        `create database ${name} template template0 encoding 'EUC_JP' lc_collate 'C' lc_ctype 'C' ${await ofLibc(world.admin)}`,
      );
      url.pathname = name;
      const connected = await tested.connect(url.href, { max: 1, onClient() {} });
      try {
        const unitOfWork = createUnitOfWork<Tx>(connected.adapter, { bus: world.bus });
        await unitOfWork.migrate();

        expect(await unitOfWork.runOnce("k\uffe4", () => 1)).toEqual({ ran: true, result: 1 });
        await expect(unitOfWork.runOnce("k\u00a6", () => 1)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_INVALID" });
        expect(await unitOfWork.runOnce("k\uffe4", () => 1)).toEqual({ ran: false });
      } finally {
        await connected.end();
        await world.admin.query(`drop database ${name} with (force)`);
      }
    });

    it("may be migrated by many at once, and again, and by the published SQL", async () => {
      await using world = await createWorld(tested, { max: 4 });

      await Promise.all([1, 2, 3, 4].map(() => world.unitOfWork.migrate()));
      await world.unitOfWork.migrate();
      await world.admin.query(idempotencyKeysSql);

      expect(await world.unitOfWork.runOnce("key", () => 1)).toEqual({ ran: true, result: 1 });
    });

    it("keeps the keys of the version before, whose table had another name, and refuses both tables at once", async () => {
      await using world = await createWorld(tested);
      await world.admin.query(onceKeysOfBefore);
      await world.admin.query("insert into domain_events.once_keys (key) values ('of before')");

      await world.unitOfWork.migrate();

      expect(await world.unitOfWork.runOnce("of before", () => 1)).toEqual({ ran: false });
      expect(await world.unitOfWork.runOnce("new", () => 1)).toEqual({ ran: true, result: 1 });
      const { rows } = await world.admin.query(
        "select indexname from pg_indexes where schemaname = 'domain_events' order by indexname",
      );
      expect(rows.map((row) => row.indexname)).toEqual(["idempotency_keys_pkey", "idempotency_keys_used_at"]);
      await world.admin.query(onceKeysOfBefore);
      await expect(world.unitOfWork.migrate()).rejects.toMatchObject({ code: "42P07" });
    });

    it("compares keys by their bytes: no library of the system can change their order", async () => {
      await using world = await createWorld(tested);
      await world.unitOfWork.migrate();

      const { rows } = await world.admin.query(`select collation_name from information_schema.columns
        where table_schema = 'domain_events' and column_name = 'key'`);

      expect(rows).toEqual([{ collation_name: "C" }]);
    });
  });
}

/** Since PostgreSQL 15 a server may have another provider by default, which does not know this encoding. */
async function ofLibc(admin: Pool): Promise<string> {
  const { rows } = await admin.query<{ is_new: boolean }>(
    "select current_setting('server_version_num')::int >= 150000 as is_new",
  );
  return rows[0]?.is_new ? "locale_provider 'libc'" : "";
}
