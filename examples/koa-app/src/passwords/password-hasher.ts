import * as crypto from "node:crypto";
import { promisify } from "node:util";
import { createGate } from "./gate.ts";

/** Hashes passwords. */
export interface PasswordHasher {
  /** @throws {@link TooBusyError} when too many passwords are waiting already. */
  hash(password: string): Promise<string>;
  matches(password: string, hash: string): Promise<boolean>;
}

/**
 * Hashes with argon2id where this Node has it, else with scrypt, both with the parameters OWASP recommends.
 *
 * At most `concurrency` passwords are hashed at a time and at most `maxWaitingCount` wait, so that a flood of registrations
 * takes 40 MiB and a line of waiting requests, not the memory of the machine.
 */
export function createPasswordHasher({ concurrency = 2, maxWaitingCount = 100 } = {}): PasswordHasher {
  const gate = createGate({ concurrency, maxWaitingCount });
  return {
    hash: (password) => gate(() => preferred.hash(password, crypto.randomBytes(16))),
    matches: (password, hash) => gate(() => matches(password, hash)),
  };
}

interface Algorithm {
  readonly prefix: string;
  hash(password: string, salt: Buffer): Promise<string>;
}

const argon2id: Algorithm = {
  prefix: "$argon2id$v=19$m=19456,t=2,p=1$",
  async hash(password, salt) {
    const key = await promisify(crypto.argon2)("argon2id", {
      message: password,
      nonce: salt,
      parallelism: 1,
      tagLength: 32,
      memory: 19_456,
      passes: 2,
    });
    return format(this.prefix, salt, key);
  },
};

const scrypt: Algorithm = {
  prefix: "$scrypt$ln=15,r=8,p=3$",
  async hash(password, salt) {
    const key = await new Promise<Buffer>((resolve, reject) => {
      const options = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 };
      crypto.scrypt(password, salt, 32, options, (error, derived) => (error ? reject(error) : resolve(derived)));
    });
    return format(this.prefix, salt, key);
  },
};

const preferred = "argon2" in crypto ? argon2id : scrypt;

async function matches(password: string, hash: string): Promise<boolean> {
  const algorithm = [argon2id, scrypt].find(({ prefix }) => hash.startsWith(prefix));
  const salt = hash.split("$").at(-2);
  if (algorithm === undefined || salt === undefined) return false;
  const again = Buffer.from(await algorithm.hash(password, Buffer.from(salt, "base64")));
  const stored = Buffer.from(hash);
  return again.length === stored.length && crypto.timingSafeEqual(again, stored);
}

function format(prefix: string, salt: Buffer, key: Buffer): string {
  const [saltText, keyText] = [salt, key].map((bytes) => bytes.toString("base64").replaceAll("=", ""));
  return `${prefix}${saltText}$${keyText}`;
}
