import type { Knex } from "knex";
import type { EmailAddress } from "./email-address.ts";
import type { UserState } from "./user.ts";

/**
 * Claims an address: a new row, or the row that has it already.
 *
 * One statement decides, so that of any number of registrations at once exactly one is new. A row that is there is written as
 * it is, so that a known address costs a write as well.
 */
export async function claimAddress(tx: Knex, claim: AddressClaim): Promise<UserState & { isNew: boolean }> {
  const { rows } = await tx.raw<{ rows: (StateRow & { is_new: boolean })[] }>(
    `insert into users (id, email) values (:id, :email)
     on conflict (email) do update set created_at = users.created_at
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
}

export async function findUserByEmail(tx: Knex, email: EmailAddress): Promise<UserState | undefined> {
  const row = await tx<UserRow>("users").where("email", email).first("id", "verified_at");
  return row && toState(row);
}

/** Whether a token would verify its user now. It locks nothing, so the answer may be out of date a moment later. */
export async function isUsableToken(db: Knex, tokenHash: Buffer): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(`select ${userOfToken}`, [tokenHash]);
  return rows.length > 0;
}

/** Finds the unverified user a token belongs to and locks the row, so that of two clicks at once one verifies. */
export async function findUserByToken(tx: Knex, tokenHash: Buffer): Promise<UserState | undefined> {
  const { rows } = await tx.raw<{ rows: StateRow[] }>(
    `select users.id, users.verified_at ${userOfToken} for update of users`,
    [tokenHash],
  );
  return rows[0] && toState(rows[0]);
}

const userOfToken = `from users join verification_tokens token on token.user_id = users.id
  where token.token_hash = ? and token.expires_at > now() and users.verified_at is null`;

/** Stores that the address is verified, and the password of its owner. No token of the user is of use any more. */
export async function storeVerified(tx: Knex, { userId, passwordHash }: VerifiedUser): Promise<void> {
  await tx("users").where({ id: userId }).update({ verified_at: tx.fn.now(), password_hash: passwordHash });
  await tx("verification_tokens").where({ user_id: userId }).delete();
}

export interface VerifiedUser {
  readonly userId: string;
  readonly passwordHash: string;
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
