import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("users", (table) => {
    table.uuid("id").primary();
    table.text("email").notNullable().unique();
    table.text("password_hash").notNullable();
    table.timestamp("verified_at");
    // A token works only while it is of the user's current generation.
    table.integer("token_generation").notNullable().defaultTo(1);
    table.timestamp("created_at").notNullable().defaultTo(db.fn.now());
  });

  await db.schema.createTable("verification_tokens", (table) => {
    table.binary("token_hash").primary();
    table.uuid("user_id").notNullable().references("users.id").onDelete("CASCADE").index();
    table.integer("generation").notNullable();
    table.timestamp("expires_at").notNullable();
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable("verification_tokens");
  await db.schema.dropTable("users");
}
