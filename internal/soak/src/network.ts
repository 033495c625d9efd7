import { type Proxy, startProxy } from "@acme/test-postgres/proxy";
import type { Urls } from "./soak-tables.ts";
import { type MemberName, memberNames } from "./faults.ts";

/** Each member reaches each database through a proxy of its own, which outlives it: a fault meets whom it is meant for. */
export interface Network extends AsyncDisposable {
  proxy(member: MemberName, database: keyof Urls): Proxy;
  /** New connections go there from now on. */
  redirect(urls: Urls): void;
  /** Nothing listens any more; what is open stays open. */
  refuse(whom: Whom): Hindrance;
  /** Cuts what is open. */
  cut(whom: Whom): void;
  /** Nothing arrives any more, and nothing is said. */
  silence(whom: Whom): Hindrance;
}

export type Whom = MemberName | "all";

/** Lasts until it is ended; one of several at the same place goes on without the others. */
export interface Hindrance {
  end(): Promise<void>;
}

export async function startNetwork(urls: Urls): Promise<Network> {
  await using started = new AsyncDisposableStack();
  const lines: Line[] = [];
  for (const member of memberNames) {
    for (const database of ["app", "jobs"] as const) {
      const proxy = started.use(await startProxy(urls[database]));
      lines.push({ member, database, proxy, refusals: 0, silences: 0 });
    }
  }
  const all = started.move();
  const linesOf = (whom: Whom) => lines.filter(({ member }) => whom === "all" || whom === member);

  return {
    proxy(member, database) {
      const line = lines.find((each) => each.member === member && each.database === database);
      if (line === undefined) throw new Error(`There is no proxy from ${member} to ${database}.`);
      return line.proxy;
    },
    redirect(next) {
      for (const { proxy, database } of lines) proxy.redirect(next[database]);
    },
    refuse(whom) {
      for (const line of linesOf(whom)) if (line.refusals++ === 0) line.proxy.refuseConnections();
      return { end: () => onEach(linesOf(whom), (line) => --line.refusals === 0 && line.proxy.acceptConnections()) };
    },
    cut(whom) {
      for (const { proxy } of linesOf(whom)) proxy.cutAll();
    },
    silence(whom) {
      for (const line of linesOf(whom)) if (line.silences++ === 0) line.proxy.goSilent();
      return { end: () => onEach(linesOf(whom), (line) => --line.silences === 0 && line.proxy.resume()) };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** From one member to one database, and how many keep it closed or silent. */
interface Line {
  readonly member: MemberName;
  readonly database: keyof Urls;
  readonly proxy: Proxy;
  refusals: number;
  silences: number;
}

async function onEach(lines: readonly Line[], what: (line: Line) => unknown): Promise<void> {
  await Promise.all(lines.map(what));
}
