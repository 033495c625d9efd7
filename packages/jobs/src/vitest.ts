import { expect } from "vitest";
import { jobsMatchers, type JobsMatchers } from "./testing/matchers.ts";

expect.extend(jobsMatchers);

export { jobsMatchers, type JobsMatchers };

declare global {
  // Vitest takes over what is here. Its own interfaces have other type parameters in each major version, and an
  // interface can be extended only by one with the same parameters.
  namespace Chai {
    // oxlint-disable-next-line typescript/no-empty-object-type, typescript/no-empty-interface -- it only extends.
    interface Assertion extends JobsMatchers {}
  }
}
