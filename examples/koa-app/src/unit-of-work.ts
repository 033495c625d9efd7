import type { UnitOfWork as AnyUnitOfWork } from "@acme/domain-events";
import type { Knex } from "knex";

/** The unit of work of this app: its transactions are knex transactions. */
export type UnitOfWork = AnyUnitOfWork<Knex.Transaction>;
