import type { Knex } from "knex";

/**
 * The password is chosen behind the link in the mail.
 *
 * Those of unverified users go: a stranger may have chosen them. No token needs a generation any more, since no registration
 * changes what its link confirms.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw("alter table users alter column password_hash drop not null");
  await db.raw("update users set password_hash = null where verified_at is null");
  await db.raw(
    "alter table users add constraint users_password_is_verified check ((password_hash is null) = (verified_at is null))",
  );
  await db.schema.alterTable("users", (table) => table.dropColumn("token_generation"));
  await db.schema.alterTable("verification_tokens", (table) => table.dropColumn("generation"));
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("verification_tokens", (table) => table.integer("generation").notNullable().defaultTo(1));
  await db.schema.alterTable("users", (table) => table.integer("token_generation").notNullable().defaultTo(1));
  await db.raw("alter table users drop constraint users_password_is_verified");
  // No password matches it.
  await db.raw("update users set password_hash = 'none' where password_hash is null");
  await db.raw("alter table users alter column password_hash set not null");
}
