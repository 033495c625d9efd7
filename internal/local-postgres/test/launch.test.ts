import { expect, it } from "vitest";
import { prepareBinaries } from "../src/binaries.ts";
import { openOrCreateCluster } from "../src/cluster.ts";
import { createMissingDatabases } from "../src/databases.ts";
import { launch } from "../src/launch.ts";
import { startLocalPostgres } from "../src/local-postgres.ts";
import { chooseServerUser } from "../src/server-user.ts";
import { ask } from "./processes.ts";
import { createTempDirectory } from "./temp-directory.ts";

it("leaves it to PostgreSQL's own lock who has the data, when two get as far as that", async () => {
  await using temp = createTempDirectory();
  await using first = await startLocalPostgres({ dataDir: temp.path("postgres") });
  const user = chooseServerUser(temp.path("postgres"));
  const binaries = await prepareBinaries(user);
  const cluster = await openOrCreateCluster(temp.path("postgres"), binaries, user);

  const options = { cluster, binaries, port: first.port, isDurable: true, settings: {}, onLog: () => {} };
  const second = [await launch(options), await createMissingDatabases(["app"], cluster, binaries)];

  expect(second).toEqual(["held", false]);
  expect(await ask(first.url(), "select count(*)::int from pg_database where datname = 'app'")).toEqual([{ count: 0 }]);
});
