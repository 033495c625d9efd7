import type { Shop } from "./shop.ts";

/** Something that goes wrong in the shop, and that a person can mend with `acme-jobs`. */
export interface Fault {
  /** Said only when it is mended. */
  readonly name: string;
  /** What a person would hear, not what is wrong. */
  readonly symptom: string;
  /** Resolves when the symptom is there. */
  plant(shop: Shop): Promise<void>;
  isMended(shop: Shop): Promise<boolean>;
  /** What has become worse by the way it was mended. `undefined`: nothing. */
  findHarm?(shop: Shop): Promise<string | undefined>;
}
