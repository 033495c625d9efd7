import type { Knex } from "knex";
import type { EmailAddress } from "./email-address.ts";
import type { UserState } from "./user.ts";

/**
 * Claims an address: a new row, or the row that has it already.
 *
 * One statement decides, so that of any number of registrations at once exactly one is new. An unverified row takes the new
 * password, and its raised `token_generation` kills every token sent before; a verified one stays as it is.
 */
export async function claimAddress(tx: Knex, claim: AddressClaim): Promise<UserState & { isNew: boolean }> {
  const { rows } = await tx.raw<{ rows: (StateRow & { is_new: boolean })[] }>(
    `insert into users (id, email, password_hash) values (:id, :email, :passwordHash)
     on conflict (email) do update set
       password_hash = case when users.verified_at is null then excluded.password_hash else users.password_hash end,
       token_generation = users.token_generation + case when users.verified_at is null then 1 else 0 end
     returning id, verified_at, id = :id as is_new`,
    { ...claim },
  );
  const row = only(rows);
  return { ...toState(row), isNew: row.is_new };
}

export interface AddressClaim {
  /** The id the user gets if the address is new. */
  readonly id: string;
  readonly email: EmailAddress;
  readonly passwordHash: string;
}

export async function findUserByEmail(tx: Knex, email: EmailAddress): Promise<UserState | undefined> {
  const row = await tx<UserRow>("users").where("email", email).first("id", "verified_at");
  return row && toState(row);
}

/** Finds the unverified user a token belongs to and locks the row, so that of two clicks at once one verifies. */
export async function findUserByToken(tx: Knex, tokenHash: Buffer): Promise<UserState | undefined> {
  const { rows } = await tx.raw<{ rows: StateRow[] }>(
    `select users.id, users.verified_at from users
     join verification_tokens token on token.user_id = users.id and token.generation = users.token_generation
     where token.token_hash = ? and token.expires_at > now() and users.verified_at is null
     for update of users`,
    [tokenHash],
  );
  return rows[0] && toState(rows[0]);
}

/** Stores that the address is verified. No token of the user is of use any more. */
export async function storeVerified(tx: Knex, userId: string): Promise<void> {
  await tx("users").where({ id: userId }).update({ verified_at: tx.fn.now() });
  await tx("verification_tokens").where({ user_id: userId }).delete();
}

/** The address of a user, for a mail: tasks carry ids only. */
export async function findRecipient(db: Knex, userId: string): Promise<(UserState & { email: string }) | undefined> {
  const row = await db<UserRow>("users").where({ id: userId }).first("id", "email", "verified_at");
  return row && { ...toState(row), email: row.email };
}

interface UserRow {
  id: string;
  email: string;
  verified_at: Date | null;
}

type StateRow = Pick<UserRow, "id" | "verified_at">;

function toState(row: StateRow): UserState {
  return { id: row.id, isVerified: row.verified_at !== null };
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined)
    throw new Error("An upsert that returns its row returned none. Is there a rule or trigger on users?");
  return row;
}
