import type { UnitOfWork } from "../unit-of-work.ts";
import { findUserByToken, storeVerified } from "./user-table.ts";
import { User } from "./user.ts";
import { hashToken, tokenPattern } from "./verification-token.ts";

/** Verifies the address a token was sent to, once. Nobody is logged in by it. */
export function createVerifyEmail({ unitOfWork }: { readonly unitOfWork: UnitOfWork }) {
  return async function verifyEmail(token: string): Promise<"verified" | "refused"> {
    if (!tokenPattern.test(token)) return "refused";

    return await unitOfWork.run(async ({ tx, track }) => {
      const state = await findUserByToken(tx, hashToken(token));
      if (state === undefined) return "refused";

      const user = track(new User(state)).verifyEmail();
      await storeVerified(tx, user.id);
      return "verified";
    });
  };
}
