import { Client } from "pg";

/** A unit asks its server who it is about once a second, whatever it is about itself. */
const proof = /pg_catalog\.concat\([^]*\) as proof/;

/** The transactions that touched the users while it was watched, each as its statements, in order of their ends. */
export interface UnitWatch extends Disposable {
  readonly units: readonly (readonly string[])[];
}

/** Watches at the driver, since a unit of work also talks past knex: its guard, its outbox rows. */
export function watchUnits(): UnitWatch {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its client below
  const original = Client.prototype.query;
  const open = new Map<object, string[]>();
  const units: string[][] = [];

  Client.prototype.query = function query(this: object, ...args: unknown[]): never {
    note(this, textOf(args[0]));
    return Reflect.apply(original, this, args) as never;
  };

  function note(client: object, text: string): void {
    if (/^begin/i.test(text)) open.set(client, []);
    const statements = open.get(client);
    statements?.push(text.replace(proof, "proof"));
    if (statements === undefined || !/^(commit|rollback)/i.test(text)) return;
    open.delete(client);
    if (statements.some((statement) => /\busers\b/.test(statement))) units.push(statements);
  }

  return {
    units,
    [Symbol.dispose]: () => {
      Client.prototype.query = original;
    },
  };
}

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  return typeof query === "object" && query !== null && "text" in query ? String(query.text) : "";
}
