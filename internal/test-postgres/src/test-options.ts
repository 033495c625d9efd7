/** What the suites that use servers have in common, for each vitest.config.ts. */
export const testOptions = {
  /**
   * How many test files run at once, and so the number of servers. Most of them wait for a server, so there are more than cores. On a server
   * that is given there is one, see the global setup.
   */
  maxWorkers: (process.env["TEST_DATABASE_URL"] ?? "") === "" ? 4 : 1,
  // These end what hangs, also on a machine that is busy. What has to be quick is measured by its test.
  testTimeout: 120_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
};
