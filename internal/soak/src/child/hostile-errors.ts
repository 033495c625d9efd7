import { random } from "./process.ts";

/** What an upstream may say, and what a careless line may throw. None of it may reach a statement or hide the failure. */
const hostile: readonly [() => unknown, ...(() => unknown)[]] = [
  () => new Error("failed on purpose"),
  () => new Error("a NUL \0 in the middle"),
  () => new Error("half of a pair \ud800, and the other \udc00"),
  () => new Error("long ".repeat(200_000)),
  () =>
    Object.assign(new Error("of itself"), {
      get cause() {
        return this;
      },
    }),
  () =>
    Object.defineProperty(new Error("hidden"), "message", {
      get: () => {
        throw new Error("not readable");
      },
    }),
  () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("nothing is readable");
        },
        getPrototypeOf: () => {
          throw new Error("nor this");
        },
      },
    ),
  () => undefined,
  () => null,
  () => Object.create(null),
  () => "only a text \0",
  () => Object.assign(new Error("like ours"), { code: "57P01", name: "error" }),
];

export function fail(): never {
  throw random.pick(hostile)();
}
