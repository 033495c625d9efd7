import { randomUUID } from "node:crypto";
import type { PasswordHasher } from "../passwords/password-hasher.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import type { EmailAddress } from "./email-address.ts";
import { claimAddress } from "./user-table.ts";
import { User } from "./user.ts";

/**
 * Registers an address with a password.
 *
 * A new, an unverified and a verified address cost one hash and the same statements, and nothing comes back: whoever registers
 * learns from the mailbox, and only from there, which of them it was.
 */
export function createRegisterUser({ unitOfWork, passwordHasher }: RegisterUserNeeds) {
  return async function registerUser({ email, password }: Registration): Promise<void> {
    const passwordHash = await passwordHasher.hash(password);

    await unitOfWork.run(async ({ tx, track }) => {
      const { isNew, ...state } = await claimAddress(tx, { id: randomUUID(), email, passwordHash });
      track(new User(state).register({ isNew }));
    });
  };
}

export interface Registration {
  readonly email: EmailAddress;
  readonly password: string;
}

interface RegisterUserNeeds {
  readonly unitOfWork: UnitOfWork;
  readonly passwordHasher: PasswordHasher;
}
