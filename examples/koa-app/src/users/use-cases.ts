import type { Knex } from "knex";
import type { PasswordHasher } from "../passwords/password-hasher.ts";
import type { UnitOfWork } from "../unit-of-work.ts";
import { createRegisterUser } from "./register-user.ts";
import { createRequestVerification } from "./request-verification.ts";
import { createVerifyEmail } from "./verify-email.ts";

/** What can be done with users. */
export type UseCases = ReturnType<typeof createUseCases>;

export function createUseCases({ unitOfWork, knex, passwordHasher }: UseCasesNeeds) {
  return {
    registerUser: createRegisterUser({ unitOfWork }),
    requestVerification: createRequestVerification({ unitOfWork }),
    verifyEmail: createVerifyEmail({ unitOfWork, knex, passwordHasher }),
  };
}

interface UseCasesNeeds {
  readonly unitOfWork: UnitOfWork;
  readonly knex: Knex;
  readonly passwordHasher: PasswordHasher;
}
