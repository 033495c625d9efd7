import { createTestDatabase } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { createAppDatabase } from "../src/app-database.ts";
import { createLogger } from "../src/logging/logger.ts";

describe("the migration to passwords that are chosen behind the link", () => {
  it("forgets those of unverified users, whoever chose them, and keeps all others and the links", async () => {
    await using test = await createTestDatabase();
    const database = createAppDatabase({ databaseUrl: test.url, logger: createLogger({ level: "silent" }) });
    await database.migrate();
    await database.knex.migrate.down();
    await database.pool.query(
      `insert into users (id, email, password_hash, verified_at) values
         (gen_random_uuid(), 'new@example.org', 'a hash', null), (gen_random_uuid(), 'old@example.org', 'a hash', now())`,
    );
    await database.pool.query(
      `insert into verification_tokens (token_hash, user_id, generation, expires_at)
       select '\\x00', id, 1, now() from users where verified_at is null`,
    );

    await database.migrate();

    const { rows: users } = await database.pool.query("select email, password_hash from users order by email");
    expect(users).toEqual([
      { email: "new@example.org", password_hash: null },
      { email: "old@example.org", password_hash: "a hash" },
    ]);
    expect((await database.pool.query("select from verification_tokens")).rowCount).toBe(1);
    await database.close();
  });
});
