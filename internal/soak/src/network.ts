import { type Proxy, startProxy } from "@acme/test-postgres/proxy";
import type { Urls } from "./books.ts";
import { type MemberName, memberNames } from "./fault-plan.ts";

/** Each member reaches each database through a proxy of its own, which outlives it: a fault meets whom it is meant for. */
export interface Network extends AsyncDisposable {
  proxy(member: MemberName, database: keyof Urls): Proxy;
  /** New connections go there from now on. */
  redirect(urls: Urls): void;
  /** Nothing listens any more; what is open stays open. */
  refuse(): void;
  accept(): Promise<void>;
}

export async function startNetwork(urls: Urls): Promise<Network> {
  await using started = new AsyncDisposableStack();
  const proxies = new Map<string, Proxy>();
  const byDatabase = { app: [] as Proxy[], jobs: [] as Proxy[] };
  for (const member of memberNames) {
    for (const database of ["app", "jobs"] as const) {
      const proxy = started.use(await startProxy(urls[database]));
      proxies.set(`${member} ${database}`, proxy);
      byDatabase[database].push(proxy);
    }
  }
  const all = started.move();

  return {
    proxy(member, database) {
      const proxy = proxies.get(`${member} ${database}`);
      if (proxy === undefined) throw new Error(`There is no proxy from ${member} to ${database}.`);
      return proxy;
    },
    redirect(next) {
      for (const proxy of byDatabase.app) proxy.redirect(next.app);
      for (const proxy of byDatabase.jobs) proxy.redirect(next.jobs);
    },
    refuse() {
      for (const proxy of proxies.values()) proxy.refuseConnections();
    },
    async accept() {
      await Promise.all([...proxies.values()].map((proxy) => proxy.acceptConnections()));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
