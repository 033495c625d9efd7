import { defineEvent } from "@acme/domain-events";
import { z } from "zod";

// No event carries an address: events may end in logs, jobs and dead letters.
const user = z.object({ userId: z.uuid() });

/** A new address has registered. */
export class UserRegistered extends defineEvent("user.registered", user) {}

/** Somebody wants the verification mail again: by asking for it, or by registering an unverified address once more. */
export class VerificationRequested extends defineEvent("user.verification-requested", user) {}

/** Somebody tried to register the address of a verified user. */
export class RegistrationAttempted extends defineEvent("user.registration-attempted", user) {}

/** The owner of the address has followed the link and chosen a password. */
export class EmailVerified extends defineEvent("user.email-verified", user) {}
