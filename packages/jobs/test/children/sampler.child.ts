// A sampler in a process of its own, to be killed in the middle of a sample.
import { Pool } from "pg";
import { takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { collectInto } from "../support/test-jobs.ts";

await takeSampleIfDue({
  pool: new Pool({ connectionString: process.env["JOBS_URL"] ?? "" }),
  logger: collectInto([]),
  leastRestMs: Number(process.env["LEAST_REST_MS"]),
});
