import { expect, it } from "vitest";
import { OwnedTransaction } from "../../src/transaction/owned-transaction.ts";

const circle = new Error("round and round");
circle.cause = circle;
const revoked = Proxy.revocable(new Error("gone"), {});
revoked.revoke();

it.each([
  ["the server's own error", { code: "40001" }, true],
  ["one around it", new Error("Failed query", { cause: { code: "40001" } }), true],
  ["two around it", new Error("a", { cause: new Error("b", { cause: { code: "40P01" } }) }), true],
  [
    "an error with another code around it",
    Object.assign(new Error("a", { cause: { code: "40P01" } }), { code: "P2034" }),
    true,
  ],
  ["an error without a cause", new Error("a"), false],
  ["causes in a circle", circle, false],
  ["an error that cannot be read", revoked.proxy, false],
])("a failed statement is a conflict if the server said so, however wrapped: %s", (_, error, isConflict) => {
  const owned = new OwnedTransaction();

  owned.failed(error);

  expect(owned.conflict === error).toBe(isConflict);
});
