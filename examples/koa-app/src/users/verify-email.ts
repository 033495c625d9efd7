import type { Knex } from "knex";
import type { PasswordHasher } from "../passwords/password-hasher.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { findUserByToken, isUsableToken, storeVerified } from "./user-table.ts";
import { User } from "./user.ts";
import { hashToken } from "./verification-token.ts";

/**
 * Verifies the address a token was sent to, once, and sets the password of its owner. Nobody is logged in by it.
 *
 * A token that is of no use is refused before anything is hashed: only who holds a link costs a hash.
 *
 * @throws {@link TooBusyError} when too many passwords are waiting already; the token can be used again.
 */
export function createVerifyEmail({ unitOfWork, knex, passwordHasher }: VerifyEmailNeeds) {
  return async function verifyEmail({ token, password }: Verification): Promise<"verified" | "refused"> {
    const tokenHash = hashToken(token);
    if (!(await isUsableToken(knex, tokenHash))) return "refused";

    const passwordHash = await passwordHasher.hash(password);
    return await unitOfWork.run(async ({ tx, track }) => {
      const state = await findUserByToken(tx, tokenHash);
      if (state === undefined) return "refused";

      const user = track(new User(state)).verifyEmail();
      await storeVerified(tx, { userId: user.id, passwordHash });
      return "verified";
    });
  };
}

export interface Verification {
  readonly token: string;
  /** What the owner of the address has chosen. */
  readonly password: string;
}

interface VerifyEmailNeeds {
  readonly unitOfWork: UnitOfWork;
  readonly knex: Knex;
  readonly passwordHasher: PasswordHasher;
}
