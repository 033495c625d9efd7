/** A test runner, and how it runs the tests of this folder. */
export interface Runner {
  readonly name: string;
  readonly packages: Readonly<Record<string, string>>;
  /** In `fixtures`. */
  readonly test: string;
  /** After `node`. */
  readonly command: readonly string[];
  /** Global types besides those of Node. */
  readonly types: readonly string[];
}

const vitest = (version: string): Runner => ({
  name: `vitest ${version}`,
  packages: { vitest: version },
  test: "vitest.test.ts",
  command: ["node_modules/vitest/vitest.mjs", "run"],
  types: [],
});

/** What the check compiles for Jest, which runs the JavaScript of it. */
const jest = (version: string, types: "@types/jest" | "@jest/globals"): Runner => ({
  name: `Jest ${version} with ${types}`,
  packages: types === "@types/jest" ? { jest: version, "@types/jest": "30.0.0" } : { jest: version },
  test: types === "@types/jest" ? "jest.test.cts" : "jest-globals.test.cts",
  command: ["node_modules/jest/bin/jest.js", "--testMatch", "**/*.test.cjs"],
  types: types === "@types/jest" ? ["jest"] : [],
});

/** The last of each major version that is supported. */
export const runners: readonly Runner[] = [
  vitest("3.2.7"),
  vitest("4.1.12"),
  vitest("5.1.0"),
  jest("30.5.2", "@types/jest"),
  jest("30.5.2", "@jest/globals"),
];

/** The registry lacks some platforms of other versions of these. */
export const overrides = { rollup: "4.67.4", rolldown: "1.2.19" };

/** What the tests need besides. */
export const others = { zod: "4.6.7", "@types/node": "26.6.6" };
