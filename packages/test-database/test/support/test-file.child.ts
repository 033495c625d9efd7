// Plays a file of tests that is killed while it has its database.
import { createTestDatabase } from "../../src/index.ts";
import { ask } from "./ask.ts";

const database = await createTestDatabase({ migrate: (url) => ask(url, "create table orders (id int)") });
process.send?.("ready");
process.stdout.write(`${database.url} ${database.name}\n`);
process.on("message", (message) => {
  if (message === "end") process.disconnect?.();
});
