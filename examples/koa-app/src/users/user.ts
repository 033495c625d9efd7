import { AggregateRoot } from "@acme/domain-events";
import { EmailVerified, RegistrationAttempted, UserRegistered, VerificationRequested } from "../events.ts";

export interface UserState {
  readonly id: string;
  readonly isVerified: boolean;
}

/** A person with an e-mail address, verified or not yet. */
export class User extends AggregateRoot {
  readonly id: string;
  #isVerified: boolean;

  constructor({ id, isVerified }: UserState) {
    super();
    this.id = id;
    this.#isVerified = isVerified;
  }

  get isVerified(): boolean {
    return this.#isVerified;
  }

  /** Exactly one event whatever the case, so that a new and a taken address cost the same work. */
  register({ isNew }: { isNew: boolean }): this {
    if (isNew) this.record(new UserRegistered({ userId: this.id }));
    else if (this.#isVerified) this.record(new RegistrationAttempted({ userId: this.id }));
    else this.requestVerification();
    return this;
  }

  requestVerification(): this {
    this.record(new VerificationRequested({ userId: this.id }));
    return this;
  }

  verifyEmail(): this {
    if (this.#isVerified) return this;
    this.#isVerified = true;
    this.record(new EmailVerified({ userId: this.id }));
    return this;
  }
}
