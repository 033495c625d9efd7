import type { Knex } from "knex";
import * as users from "./0001-users.ts";
import * as requestLimits from "./0002-request-limits.ts";
import * as passwordAtVerification from "./0003-password-at-verification.ts";

/** All migrations in their order. Listed by hand: what runs is what is imported, wherever the app is started from. */
const migrations: readonly NamedMigration[] = [
  { name: "0001-users", ...users },
  { name: "0002-request-limits", ...requestLimits },
  { name: "0003-password-at-verification", ...passwordAtVerification },
];

export const migrationNames: readonly string[] = migrations.map(({ name }) => name);

export const migrationSource: Knex.MigrationSource<NamedMigration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: ({ name }) => name,
  getMigration: async (migration) => migration,
};

interface NamedMigration extends Knex.Migration {
  readonly name: string;
}
