/** What the suites that use servers have in common, for each vitest.config.ts. */
export const testOptions = {
  /**
   * How many test files run at once, and so the number of servers. Most files wait for a server, so there are more
   * workers than cores. With `TEST_DATABASE_URL` there is one worker: see the global setup.
   */
  maxWorkers: (process.env["TEST_DATABASE_URL"] ?? "") === "" ? 4 : 1,
  // These limits end tests that hang, even on a busy machine. A test that is about speed measures it itself.
  testTimeout: 120_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
};
