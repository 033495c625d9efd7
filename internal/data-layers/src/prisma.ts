import { pgTransactions } from "@acme/domain-events/pg";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.ts";
import type { Layer } from "./layer.ts";
import { inUseCountOf, openPool } from "./pool.ts";
import { PrismaInTransaction } from "./prisma-adapter.ts";

export const prismaLayer: Layer<PrismaClient> = {
  name: "Prisma",
  isOverPg: true,
  afterSwallowed: "resolves",
  nesting: "savepoint",
  async connect(url, options) {
    const pool = openPool(url, options);
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
    return {
      adapter: pgTransactions(pool, {
        tx: (client) => new PrismaClient({ adapter: new PrismaInTransaction(client) }),
      }),
      own: (work) => prisma.$transaction((tx) => work(tx as PrismaClient)),
      inUseCount: inUseCountOf(pool),
      async end() {
        await prisma.$disconnect();
        await pool.end();
      },
    };
  },
  insert: (tx, id) => tx.row.create({ data: { id } }),
  query: (tx, text) => tx.$executeRawUnsafe(text),
  unwrap: serverErrorOf,
  nested: (tx, work) => tx.$transaction((part) => work(part as PrismaClient)),
};

/** Prisma hands out what the server said as fields of its own. */
function serverErrorOf(error: unknown): unknown {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: Said } } };
  const said = meta?.driverAdapterError?.cause;
  if (said?.originalCode === undefined) return error;
  return Object.assign(new Error(said.originalMessage), { code: said.originalCode });
}

interface Said {
  readonly originalCode?: string;
  readonly originalMessage?: string;
}
