/**
 * How many test files run at once: `maxWorkers` of each vitest.config.ts, and so the number of servers.
 *
 * Most of them wait for a server, so there are more than cores. On a server that is given there is one, see the global
 * setup.
 */
export const maxWorkers = (process.env["TEST_DATABASE_URL"] ?? "") === "" ? 4 : 1;
