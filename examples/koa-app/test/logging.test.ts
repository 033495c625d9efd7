import { describe, expect, it } from "vitest";
import { describeError } from "../src/logging/describe-error.ts";
import { createLogger } from "../src/logging/logger.ts";
import { readableLine } from "../src/logging/readable-lines.ts";

describe("the log", () => {
  it("keeps of an error its kind, its code and its frames, and nothing it quotes", () => {
    const error = Object.assign(
      new Error("550 no such user ada@example.org", { cause: new Error("to <ada@example.org>") }),
      {
        code: "EENVELOPE",
        detail: "Key (email)=(ada@example.org) already exists.",
        response: "550 ada@example.org",
      },
    );

    const described = describeError(error);

    expect(described).toMatchObject({ type: "Error", code: "EENVELOPE", message: "550 no such user [address]" });
    expect(described.stack).toContain("logging.test.ts");
    expect(described.cause?.message).toBe("to <[address]>");
    expect(JSON.stringify(described)).not.toContain("ada");
  });

  it.each([
    ["postgres://app:secret@db:5432/app refused", "[url] refused"],
    [`token ${"x".repeat(43)} was used`, "token [secret] was used"],
    ["hash $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$a2V5 is wrong", "hash [hash] is wrong"],
    ["no such user john.doe=acme@example.org here", "no such user [address] here"],
    ["no such user <o'brien@example.org>", "no such user <[address]>"],
    ["no such user o'brien=john{a}@example.org, sorry", "no such user [address], sorry"],
    ["user=ada@example.org", "[address]"],
    ["mail to 'ada@example.org' failed", "mail to [address]' failed"],
    ["Key (email)=(ada@example.org) exists", "Key (email)=([address]) exists"],
    ["connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED 127.0.0.1:5432"],
  ])("blanks what is secret in %j", (text, expected) => {
    expect(describeError(new Error(text)).message).toBe(expected);
  });

  it("does so however an error is handed to it", () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", destination: { write: (line) => void lines.push(line) } });
    const error = new Error("no such user ada@example.org");

    logger.error(error);
    logger.error(error, "failed");
    logger.error({ err: error }, "failed");
    logger.child({ part: "mail" }).warn({ error }, "failed");

    expect(lines.length).toBe(4);
    expect(lines.join("")).not.toContain("ada@");
  });

  it("reads well in a terminal", () => {
    const line = JSON.stringify({
      level: "info",
      time: "2026-11-21T03:04:05.678Z",
      pid: 1,
      msg: "job done",
      attempt: 1,
    });

    // oxlint-disable-next-line no-control-regex -- colours are control characters
    expect(readableLine(line).replaceAll(/\u001b\[\d+m/g, "")).toBe("03:04:05 info  job done attempt=1");
  });
});
