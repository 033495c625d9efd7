// What the packages under test run on themselves: peers bring copies of their own, and nobody should win by a version.
import { createRequire } from "node:module";

export const requireOf = {
  engine: createRequire(new URL("../../packages/jobs/package.json", import.meta.url)),
  benchmarks: createRequire(import.meta.url),
};

export const { Pool, Client } = requireOf.engine("pg") as typeof import("pg");
export const knex = requireOf.engine("knex") as typeof import("knex").knex;
