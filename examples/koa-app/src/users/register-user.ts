import { randomUUID } from "node:crypto";
import type { UnitOfWork } from "../unit-of-work.ts";
import type { EmailAddress } from "./email-address.ts";
import { claimAddress } from "./user-table.ts";
import { User } from "./user.ts";

/**
 * Registers an address. The password comes later, from whoever opens the link in the mail: a stranger who registers the address
 * of somebody else can set nothing that would count.
 *
 * A new, an unverified and a verified address cost the same statements, and nothing comes back: whoever registers learns from
 * the mailbox, and only from there, which of them it was.
 */
export function createRegisterUser({ unitOfWork }: { readonly unitOfWork: UnitOfWork }) {
  return async function registerUser(email: EmailAddress): Promise<void> {
    await unitOfWork.run(async ({ tx, track }) => {
      const { isNew, ...state } = await claimAddress(tx, { id: randomUUID(), email });
      track(new User(state).register({ isNew }));
    });
  };
}
