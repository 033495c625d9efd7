import { once } from "node:events";
import { createServer } from "node:net";
import { type CommitFault, createCommitFault } from "./commit-fault.ts";
import { openProxyConnection, type ProxyConnection } from "./proxy-connection.ts";

export interface Proxy extends AsyncDisposable {
  /** The target's connection string, by way of the proxy. */
  readonly url: string;
  /**
   * Lets the next COMMIT, of whichever connection, reach the server, drops the reply and cuts the connection. Resolves
   * when that has happened: the server has answered by then, so what it committed is committed.
   */
  dropCommitReply(): Promise<void>;
  /**
   * Cuts the connection instead of forwarding the next COMMIT; what the client sent before it is answered first.
   * Resolves when it has happened.
   */
  cutBeforeCommit(): Promise<void>;
  /** Keeps the reply to the next COMMIT, and everything that follows it, until `release()`. */
  holdCommitReply(): { held: Promise<void>; release: () => void };
  /** From now on nothing arrives, in either direction, not even the end of a connection; connections stay open. */
  goSilent(): void;
  /** The network heals: what was sent meanwhile arrives, as TCP would send it again. */
  resume(): void;
  /** New connections are refused (`ECONNREFUSED`); those that are open stay. */
  refuseConnections(): void;
  /** Ends `refuseConnections()`, on the same port. */
  acceptConnections(): Promise<void>;
  /** Connections that are open now carry nothing any more, nor their end, as behind a firewall that has forgotten them; new ones do. */
  forgetAll(): void;
  /** Cuts every open connection. */
  cutAll(): void;
  /** New connections go to that server from now on, as behind an address that moves; those that are open stay. */
  redirect(targetUrl: string): void;
}

/**
 * Puts a TCP proxy in front of a PostgreSQL that understands enough of its protocol to break it at a COMMIT.
 *
 * A fault is armed for one COMMIT; several are met in the order they were armed. Encrypted connections are passed on
 * only as far as PostgreSQL refuses the encryption. The proxy runs in this process: while this process is blocked, so is it.
 */
export async function startProxy(targetUrl: string): Promise<Proxy> {
  let target = new URL(targetUrl);
  const connections = new Set<ProxyConnection>();
  const faults: CommitFault[] = [];
  const network = createNetwork();
  const listener = createServer((client) => {
    const connection: ProxyConnection = openProxyConnection({
      client,
      // Not when one side has: in silence the other is not told, and somebody may want to cut it.
      onClosed: () => connections.delete(connection),
      target: { host: target.hostname, port: Number(target.port || 5432) },
      takeFault: () => faults.shift(),
      deliver: network.deliver,
    });
    connections.add(connection);
  });

  function arm(kind: CommitFault["kind"]): CommitFault {
    const fault = createCommitFault(kind);
    faults.push(fault);
    return fault;
  }
  async function listen(port: number): Promise<number> {
    listener.listen(port, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }
  function cutAll(): void {
    for (const connection of connections) connection.cut();
  }

  const port = await listen(0);
  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    dropCommitReply: () => arm("drop-reply").happened.promise,
    cutBeforeCommit: () => arm("cut-before").happened.promise,
    holdCommitReply() {
      const { happened, released } = arm("hold-reply");
      return { held: happened.promise, release: () => released.resolve() };
    },
    goSilent: network.goSilent,
    resume: network.resume,
    refuseConnections: () => void listener.close(),
    acceptConnections: async () => void (listener.listening || (await listen(port))),
    forgetAll() {
      for (const connection of connections) connection.forget();
    },
    cutAll,
    redirect(nextUrl) {
      target = new URL(nextUrl);
    },
    async [Symbol.asyncDispose]() {
      network.resume();
      cutAll();
      if (listener.listening) await new Promise((closed) => listener.close(closed));
    },
  };
}

interface Network {
  deliver: (what: () => void) => void;
  goSilent: () => void;
  resume: () => void;
}

/** Carries things at once, or keeps them, in order, while it is silent. */
function createNetwork(): Network {
  let underway: (() => void)[] | undefined;
  return {
    deliver: (what) => (underway === undefined ? what() : void underway.push(what)),
    goSilent: () => {
      underway ??= [];
    },
    resume: () => {
      const arrived = underway ?? [];
      underway = undefined;
      for (const what of arrived) what();
    },
  };
}
