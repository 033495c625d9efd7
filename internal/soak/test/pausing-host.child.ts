// Pauses a relay for longer than any test lasts, and waits to be killed.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startMember } from "../src/member.ts";
import { isPaused } from "./is-running.ts";

const nowhere = "postgres://nobody@127.0.0.1:1/nothing";
const logDirectory = mkdtempSync(path.join(tmpdir(), "acme-soak-test-"));
const member = startMember({
  name: "relay-1",
  env: { SOAK_APP_URL: nowhere, SOAK_JOBS_URL: nowhere },
  seed: 1,
  logDirectory,
  onMessage: () => undefined,
  onAnomaly: () => undefined,
});
const pid = Number(/"pid":(\d+)/.exec(readFileSync(path.join(logDirectory, "relay-1.log"), "utf8"))?.[1]);
process.stdout.write(JSON.stringify({ pid, directory: logDirectory }));
member.pause(600_000);
while (!isPaused(pid)) await pause(20);
process.send?.("paused");
await pause(600_000);
