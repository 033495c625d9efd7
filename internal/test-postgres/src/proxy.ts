import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { type CommitFault, createCommitFault } from "./commit-fault.ts";
import { openProxyConnection, type ProxyConnection } from "./proxy-connection.ts";

export interface Proxy extends AsyncDisposable {
  /** The target's connection string, with the address of the proxy. */
  readonly url: string;
  /**
   * Lets the next COMMIT of any connection reach the server, drops the reply and cuts the connection. Resolves when
   * that has happened. The server has answered by then, so it has committed.
   */
  dropCommitReply(): Promise<void>;
  /**
   * Cuts the connection instead of forwarding the next COMMIT; what the client sent before it is answered first.
   * Resolves when it has happened.
   */
  cutBeforeCommit(): Promise<void>;
  /** Keeps the reply to the next COMMIT, and everything that follows it, until `release()`. */
  holdCommitReply(): { held: Promise<void>; release: () => void };
  /** From now on nothing arrives in either direction, not even the end of a connection. Connections stay open. */
  goSilent(): void;
  /** Ends the silence. Data that was sent meanwhile arrives, as if TCP had sent it again. */
  resume(): void;
  /** Refuses new connections (`ECONNREFUSED`). Open connections stay. */
  refuseConnections(): void;
  /** Ends `refuseConnections()`, on the same port. */
  acceptConnections(): Promise<void>;
  /**
   * Connections that are open now deliver nothing any more, not even their end, as behind a firewall that has forgotten
   * them. New connections work.
   */
  forgetAll(): void;
  /** Cuts every open connection. */
  cutAll(): void;
  /** New connections go to that server from now on, as behind an address that moves. Open connections stay. */
  redirect(targetUrl: string): void;
}

/**
 * Puts a TCP proxy in front of a PostgreSQL. The proxy understands enough of the protocol to break it at a COMMIT.
 *
 * A fault is armed for one COMMIT. Several faults happen in the order in which they were armed. Clients that ask for
 * encryption can connect only if PostgreSQL refuses it. The proxy runs in this process: if the process is blocked, so
 * is the proxy.
 */
export async function startProxy(targetUrl: string): Promise<Proxy> {
  let target = new URL(targetUrl);
  const connections = new Set<ProxyConnection>();
  const faults: CommitFault[] = [];
  const network = createNetwork();
  const host = ownHost();
  const listener = createServer((client) => {
    const connection: ProxyConnection = openProxyConnection({
      client,
      // Not when only one side has closed: during silence the other side is not told, and a test may want to cut it.
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
    listener.listen(port, host);
    await once(listener, "listening");
    const address = listener.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }
  function cutAll(): void {
    for (const connection of connections) connection.cut();
  }

  const port = await listen(0);
  const url = new URL(targetUrl);
  url.host = `${host}:${port}`;
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

/**
 * Another process that asks for any free port of the same address would be given ours while we refuse connections.
 * Linux answers on all of 127.0.0.0/8 (RFC 1122, 3.2.1.3); elsewhere only one address is set up.
 */
function ownHost(): string {
  if (process.platform !== "linux") return "127.0.0.1";
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

interface Network {
  deliver: (what: () => void) => void;
  goSilent: () => void;
  resume: () => void;
}

/** Delivers at once, or keeps everything in order while it is silent. */
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
