#!/usr/bin/env node
import { runCli } from "./run-cli.ts";

// A reader that has seen enough, such as `head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.stderr.on("error", () => undefined);

const exitCode = await runCli(process.argv.slice(2));
// Written out first: a pipe is written to asynchronously. What a configuration has opened must not keep the process.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(exitCode);
