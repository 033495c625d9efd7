import type { Knex } from "knex";

/** The table rate-limiter-flexible counts in. Its keys are hashes: no address of a person or a machine is in it. */
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("request_limits", (table) => {
    table.string("key", 255).primary();
    table.integer("points").notNullable().defaultTo(0);
    table.bigInteger("expire");
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable("request_limits");
}
