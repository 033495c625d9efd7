// The names of errors, as logs print them: those of the documentation, in both builds, and also in an application that is bundled.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as esm from "@acme/domain-events";

const require = createRequire(import.meta.url);
const make = {
  CommitOutcomeUnknownError: (Made) => new Made("1", new Error("lost")),
  DomainEventsError: (Made) => new Made("STOPPED", "Stopped."),
  EventLoopError: (Made) => new Made(["a", "b"]),
  HandlersFailedError: (Made) => new Made([]),
  TransactionAbortedError: (Made) => new Made("Why.", "What to do."),
};

for (const build of [esm, require("@acme/domain-events")]) {
  const classes = Object.entries(build).filter(([, value]) => value.prototype instanceof Error);
  assert.deepEqual(
    classes.map(([name]) => name),
    Object.keys(make),
  );

  for (const [name, errorClass] of classes) {
    assert.equal(errorClass.name, name);
    // What a bundler or a minifier calls the class is not what the error is called.
    Object.defineProperty(errorClass, "name", { value: "_bundled" });
    assert.equal(make[name](errorClass).name, name);
  }
}

process.stdout.write("errors keep their names\n");
