import { createTestDatabase } from "@acme/test-postgres";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { collectInto } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const tasks = [perform(defineTask("t", { payload: z.object({}) }), () => undefined)];
const refused = { code: "DATABASE_UNSUPPORTED", message: expect.stringContaining("LATIN1") as string };

it("jobs and outbox are refused in a database that cannot hold every text", async () => {
  await using utf8 = await createTestDatabase();
  const latin1 = await databaseIn(utf8.url, "LATIN1");
  const options = { logger: collectInto([]) };
  await using jobs = createJobs({ ...options, connection: latin1 });
  await using outbox = createJobs({ ...options, connection: utf8.url, outbox: { connection: latin1 } });

  await expect(jobs.migrate()).rejects.toMatchObject(refused);
  await expect(jobs.startWorker({ tasks })).rejects.toMatchObject(refused);
  await expect(jobs.startWorker({ tasks, migrate: false })).rejects.toMatchObject(refused);
  await expect(outbox.migrateOutbox()).rejects.toMatchObject(refused);
});

async function databaseIn(url: string, encoding: string): Promise<string> {
  const admin = await createTestDatabase();
  const name = `${new URL(url).pathname.slice(1)}_${encoding.toLowerCase()}`;
  await admin.pool().query(`create database "${name}" template template0 encoding '${encoding}' locale 'C'`);
  onTestFinished(async () => {
    await admin.pool().query(`drop database "${name}" with (force)`);
    await admin[Symbol.asyncDispose]();
  });
  return Object.assign(new URL(url), { pathname: name }).href;
}
