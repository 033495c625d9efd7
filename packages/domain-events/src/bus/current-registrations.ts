import type { ClassOf } from "../event/event.ts";
import type { AnyHandler } from "./handler.ts";
import { throwFailures } from "./publish-errors.ts";
import type { Publishing, PublishSettings } from "./publish-settings.ts";
import { Registrations } from "./registrations.ts";

/** The registrations that a bus has at the moment, and how it publishes with them. */
export class CurrentRegistrations<Tx> {
  readonly #settings: PublishSettings;
  #count = 0;
  #registrations = new Registrations<Tx>();
  #publishing: Publishing<undefined>;

  constructor(settings: PublishSettings) {
    this.#settings = settings;
    this.#publishing = this.#publishWith(this.#registrations);
  }

  get publishing(): Publishing<undefined> {
    return this.#publishing;
  }

  /** The registrations as they are now. They will not change any more. */
  hold(): Registrations<Tx> {
    return this.#registrations.hold();
  }

  /** @returns a function that removes the registration. */
  add(eventClass: ClassOf<object>, handler: AnyHandler<Tx>): () => void {
    const number = ++this.#count;
    this.#replace(this.#registrations.with(eventClass, number, handler));
    return () => this.#replace(this.#registrations.without(eventClass, number));
  }

  clear(): void {
    this.#replace(new Registrations());
  }

  #replace(next: Registrations<Tx>): void {
    if (next === this.#registrations) return;
    this.#registrations = next;
    this.#publishing = this.#publishWith(next);
  }

  #publishWith(registrations: Registrations<never>): Publishing<undefined> {
    return { settings: this.#settings, registrations, conclude: throwFailures };
  }
}
