import { expect } from "vitest";
import type { CaughtMail } from "../../src/local/mail-catcher.ts";
import type { TestApp } from "./test-app.ts";

export const password = "correct horse battery";

let count = 0;

/** An address that no other test uses. */
export function newAddress(): string {
  count += 1;
  return `person${count}@example.org`;
}

export async function register(app: TestApp, email: string): Promise<Response> {
  return await app.post("/auth/register", { email });
}

/** Waits for the `number`th mail to an address and returns it. */
export async function mailTo(app: TestApp, address: string, number = 1): Promise<CaughtMail> {
  await expect.poll(() => app.mailsTo(address).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(number);
  const mail = app.mailsTo(address).at(-number);
  if (mail === undefined) throw new Error("The mail is gone.");
  return mail;
}

export function linkIn(mail: CaughtMail): URL {
  const [link] = /https?:\/\/\S+/.exec(mail.text) ?? [];
  if (link === undefined) throw new Error("There is no link in the mail.");
  return new URL(link);
}

export function tokenIn(mail: CaughtMail): string {
  return linkIn(mail).searchParams.get("token") ?? "";
}

export async function verify(app: TestApp, token: string, chosen = password): Promise<Response> {
  return await app.postForm("/auth/verify-email", { token, password: chosen });
}

/** Registers an address and verifies it, as a person would. */
export async function becomeVerified(app: TestApp, email: string, chosen = password): Promise<void> {
  await register(app, email);
  const response = await verify(app, tokenIn(await mailTo(app, email)), chosen);
  expect(response.status).toBe(200);
}
