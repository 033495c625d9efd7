import { createHash, randomBytes } from "node:crypto";
import type { Knex } from "knex";

/** How long the link in a mail works. */
export const tokenLifetimeHours = 24;

/**
 * Makes a token for the verification mail of a user and stores its hash.
 *
 * The token itself exists in the mail only. Earlier tokens go on working, so that a mail that comes late still serves, until
 * they expire or the address is verified.
 *
 * @returns undefined when the user is verified by now, or gone.
 */
export async function issueVerificationToken(db: Knex, userId: string): Promise<string | undefined> {
  const token = randomBytes(32).toString("base64url");
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `with expired as (delete from verification_tokens where user_id = :userId and expires_at <= now())
     insert into verification_tokens (token_hash, user_id, expires_at)
     select :tokenHash, id, now() + make_interval(hours => :tokenLifetimeHours)
     from users where id = :userId and verified_at is null
     -- Waits for a verification under way, and sees its end.
     for share`,
    { userId, tokenHash: hashToken(token), tokenLifetimeHours },
  );
  return rowCount === 1 ? token : undefined;
}

/** A token is 256 random bits: one round of SHA-256 is enough, there is nothing to guess. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Tells a token that could have been sent from any other text. */
export const tokenPattern = /^[\w-]{43}$/;
