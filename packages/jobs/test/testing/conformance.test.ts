import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { correlationCases } from "./conformance/correlation.ts";
import { enqueueCases } from "./conformance/enqueue.ts";
import { helperCases } from "./conformance/helpers.ts";
import { keyCases } from "./conformance/keys.ts";
import { letterCases } from "./conformance/letters.ts";
import { outcomeCases } from "./conformance/outcomes.ts";
import { refusalCases } from "./conformance/refusals.ts";
import { unitCases } from "./conformance/units.ts";
import { memoryWorld, postgresWorld, type World } from "./conformance/world.ts";

describe.each([
  ["in memory", memoryWorld],
  ["in PostgreSQL", postgresWorld],
])("jobs %s", (_, open) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  beforeEach(() => world.clear());
  afterAll(() => world[Symbol.asyncDispose]());

  describe("enqueue", () => {
    enqueueCases(() => world);
  });
  describe("keys", () => {
    keyCases(() => world);
  });
  describe("outcomes", () => {
    outcomeCases(() => world);
  });
  describe("dead letters", () => {
    letterCases(() => world);
  });
  describe("units of work", () => {
    unitCases(() => world);
  });
  describe("correlation", () => {
    correlationCases(() => world);
  });
  describe("helpers", () => {
    helperCases(() => world);
  });
  describe("refusals", () => {
    refusalCases(() => world);
  });
});
