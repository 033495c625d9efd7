import type { Client } from "./pg-module.ts";

/** What pg writes that the server answers with a ReadyForQuery. */
type Writes = Record<"query" | "sync", (...args: unknown[]) => unknown> & {
  on(event: "readyForQuery", listener: () => void): unknown;
};

/** Counts how often a client has asked something with nothing on its way: that is what waits for the network. */
export function countRoundTrips(): {
  watch: (client: Client) => void;
  count: () => number;
  reset: () => void;
} {
  let tripCount = 0;
  return {
    watch(client) {
      const connection = client.connection as unknown as Writes;
      let underWay = 0;
      for (const name of ["query", "sync"] as const) {
        const write = connection[name];
        connection[name] = (...args) => {
          if (underWay === 0) tripCount += 1;
          underWay += 1;
          return Reflect.apply(write, connection, args);
        };
      }
      connection.on("readyForQuery", () => {
        underWay -= 1;
      });
    },
    count: () => tripCount,
    reset() {
      tripCount = 0;
    },
  };
}
