/** Somebody who uses the app over HTTP. */
export interface Visitor {
  /** Returns the status of the answer, as the others do. */
  register(email: string): Promise<number>;
  tokenIn(text: string): string;
  opensButton(token: string): Promise<boolean>;
  verify(token: string): Promise<number>;
}

export function createVisitor(origin: string): Visitor {
  const page = new URL("/auth/verify-email", origin);
  return {
    async register(email) {
      const response = await fetch(new URL("/auth/register", origin), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email }),
      });
      return response.status;
    },
    tokenIn: (text) => /\?token=([\w-]+)/.exec(text)?.[1] ?? "",
    async opensButton(token) {
      const response = await fetch(`${page.href}?token=${token}`);
      return response.status === 200 && (await response.text()).includes("<button");
    },
    async verify(token) {
      const response = await fetch(page, {
        method: "POST",
        body: new URLSearchParams({ token, password: "correct horse battery" }),
      });
      return response.status;
    },
  };
}
