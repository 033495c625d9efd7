// Every entry loads in CJS without a driver being touched, and errors of one entry are instances of another's classes.
const assert = require("node:assert/strict");
const { DomainEventsError } = require("@acme/domain-events");
const { knexTransactions } = require("@acme/domain-events/knex");
const { pgTransactions } = require("@acme/domain-events/pg");

for (const create of [knexTransactions, pgTransactions]) {
  assert.throws(
    () => create({}),
    (error) => error instanceof DomainEventsError && error.code === "ADAPTER_INVALID",
  );
}
assert.deepEqual(
  Object.keys(require.cache).filter((path) => /node_modules[\\/](knex|pg)[\\/]/.test(path)),
  [],
);
process.stdout.write("all entries load\n");
