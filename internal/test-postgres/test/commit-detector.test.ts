import { expect, it } from "vitest";
import { createCommitDetector } from "../src/commit-detector.ts";
import { createMessageStream } from "../src/message-stream.ts";

function message(type: string, ...strings: string[]): Buffer {
  const body = Buffer.from(strings.map((text) => `${text}\0`).join(""));
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

function detect(bytes: Buffer, pieceLength = bytes.length): string[] {
  const read = createMessageStream(() => false);
  const executesCommit = createCommitDetector();
  const found: string[] = [];
  for (let start = 0; start < bytes.length; start += pieceLength) {
    for (const each of read(bytes.subarray(start, start + pieceLength))) {
      if (executesCommit(each)) found.push(each.type);
    }
  }
  return found;
}

it.each(["COMMIT", "commit;", " Commit work ; ", "END", "end transaction", "select 1; commit", "commit and chain"])(
  "sees that %j commits",
  (sql) => {
    expect(detect(message("Q", sql))).toEqual(["Q"]);
  },
);

it.each([
  "commit prepared 'x'",
  "select 'commit'",
  "create function f() returns int language plpgsql as $$ begin return 1; end; $$",
  "comment on table note is 'x'",
  "rollback",
])("sees that %j does not", (sql) => {
  expect(detect(message("Q", sql))).toEqual([]);
});

it("sees a COMMIT where its portal is executed, not where it is prepared", () => {
  const prepare = message("P", "statement", "COMMIT");
  const bind = message("B", "portal", "statement");
  const execute = message("E", "portal");

  expect(detect(Buffer.concat([prepare, bind, execute]))).toEqual(["E"]);
});

it("forgets a statement whose name is used again", () => {
  const first = [message("P", "", "COMMIT"), message("B", "", ""), message("E", "")];
  const second = [message("P", "", "select 1"), message("B", "", ""), message("E", "")];

  expect(detect(Buffer.concat([...first, ...second]))).toEqual(["E"]);
});

it.each([1, 2, 3, 7])("reads messages that arrive in pieces of %i bytes", (pieceLength) => {
  const bytes = Buffer.concat([message("Q", "begin"), message("Q", "commit"), message("Q", "select 1")]);

  expect(detect(bytes, pieceLength)).toEqual(["Q"]);
});
