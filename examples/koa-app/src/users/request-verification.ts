import { randomUUID } from "node:crypto";
import type { UnitOfWork } from "../unit-of-work.ts";
import type { EmailAddress } from "./email-address.ts";
import { findUserByEmail } from "./user-table.ts";
import { User } from "./user.ts";

/**
 * Asks for the verification mail again.
 *
 * An address that nobody has asks for a user who does not exist: the same statements run and the same kind of job is made, and
 * its task finds nobody to write to. So neither the answer nor the time it takes tells who is registered.
 */
export function createRequestVerification({ unitOfWork }: { readonly unitOfWork: UnitOfWork }) {
  return async function requestVerification(email: EmailAddress): Promise<void> {
    await unitOfWork.run(async ({ tx, track }) => {
      const state = (await findUserByEmail(tx, email)) ?? { id: randomUUID(), isVerified: false };
      track(new User(state).requestVerification());
    });
  };
}
