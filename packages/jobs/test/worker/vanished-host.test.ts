import { startServer } from "@acme/test-postgres";
import { Pool } from "pg";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { killable } from "../support/killable-task.ts";
import { createRemoteHost, whyNoRemoteHost } from "../support/remote-host.ts";
import { collectInto } from "../support/test-jobs.ts";
import { createJobs, perform } from "../../src/index.ts";

const lonelyWorker = new URL("../children/lonely-worker.child.ts", import.meta.url);

beforeEach(({ skip }) => {
  const reason = whyNoRemoteHost();
  skip(reason !== undefined, `no host can vanish here: ${reason}`);
});

describe("the job of a worker whose host has vanished", () => {
  it("runs again within 20 seconds on a worker that lives, by default", async ({ annotate }) => {
    await using server = await startServer();
    await using host = createRemoteHost();
    const admin = new Pool({ connectionString: server.url(), max: 1 });
    onTestFinished(() => admin.end());
    await admit(admin, host.address);
    await using jobs = createJobs({ connection: server.url(), logger: collectInto([]) });
    await jobs.migrate();
    await jobs.enqueue(killable, { n: 1 });
    const vanishing = host.run(lonelyWorker, { JOBS_URL: server.url() });
    await vanishing.waitFor("running");
    let runCount = 0;
    await jobs.startWorker({ tasks: [perform(killable, () => void (runCount += 1))] });

    host.vanish();
    const vanishedAt = performance.now();

    // The server has heard of no end of a connection: it has to find out by itself.
    expect(await connectionCount(admin, host.address)).toBeGreaterThan(0);
    await expect.poll(() => runCount, { timeout: 30_000 }).toBe(1);
    const seconds = (performance.now() - vanishedAt) / 1_000;
    await annotate(`ran again ${seconds.toFixed(1)} s after the host had vanished`);
    expect(seconds).toBeLessThan(20);
    expect(vanishing.isRunning()).toBe(true);
  });
});

/** Lets the superuser in from there, as from here. */
async function admit(admin: Pool, address: string): Promise<void> {
  await admin.query(
    `copy (select 'host all all ${address}/32 scram-sha-256') to program 'cat >> "$PWD/pg_hba.conf"';
     select pg_reload_conf()`,
  );
}

async function connectionCount(admin: Pool, address: string): Promise<number> {
  const { rowCount } = await admin.query("select from pg_stat_activity where client_addr = $1", [address]);
  return rowCount ?? 0;
}
