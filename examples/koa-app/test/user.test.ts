import { register } from "@acme/domain-events";
import { createMemoryUnitOfWork, recordEvents } from "@acme/domain-events/testing";
import { describe, expect, it } from "vitest";
import { EmailVerified, RegistrationAttempted, UserRegistered, VerificationRequested } from "../src/events.ts";
import { User } from "../src/users/user.ts";

const id = "0e7ac198-9acd-4c0c-b4b4-761974bf71d7";

describe("a user", () => {
  it.each([
    ["a new address", { isNew: true, isVerified: false }, UserRegistered],
    ["an unverified address", { isNew: false, isVerified: false }, VerificationRequested],
    ["a verified address", { isNew: false, isVerified: true }, RegistrationAttempted],
  ])("records exactly one event for a registration of %s", async (_, { isNew, isVerified }, expected) => {
    using recorder = recordEvents();

    await createMemoryUnitOfWork().run(async ({ track }) => track(new User({ id, isVerified }).register({ isNew })));

    expect(recorder.events).toEqual([expect.objectContaining({ userId: id })]);
    expect(recorder.events[0]).toBeInstanceOf(expected);
  });

  it("is verified once", async () => {
    const seen: string[] = [];
    register(EmailVerified, ({ userId }) => seen.push(userId));
    const user = new User({ id, isVerified: false });

    await createMemoryUnitOfWork().run(async ({ track }) => {
      track(user).verifyEmail();
      user.verifyEmail();
    });

    expect(seen).toEqual([id]);
    expect(user.isVerified).toBe(true);
  });

  it("is told to no handler of another test", () => {
    using recorder = recordEvents();

    expect(recorder.events).toEqual([]);
  });
});
