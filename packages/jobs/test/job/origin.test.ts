import { withCorrelation } from "@acme/domain-events";
import { describe, expect, it } from "vitest";
import { currentFlags, flagsOfEvent, originOf, toFlags } from "../../src/job/origin.ts";

const json = (flags: string | null) => JSON.stringify(flags === null ? null : flags.slice(1, -1).split(","));

describe("the origin of a job, among its flags", () => {
  it.each([
    [{ requestId: "r" }, "{acme:request:r}"],
    [{ eventType: "a/b", eventId: "7" }, "{acme:event:a/b/7}"],
    [{ requestId: "r", eventType: "a", eventId: "7" }, "{acme:request:r,acme:event:a/7}"],
    [{ eventId: "7" }, "{acme:event:/7}"],
    [{ eventType: "a" }, "{acme:event:a/}"],
  ])("is read as it was written: %j", (origin, flags) => {
    expect(toFlags(origin)).toBe(flags);
    expect(originOf(json(flags))).toEqual(origin);
  });

  it("is found in the flags of a job, which are keys, behind others and with escapes among them", () => {
    expect(originOf('{"zebra": true, "acme:id:7": true, "acme:request:r": true}')).toEqual({ requestId: "r" });
    expect(originOf('{"a\\\\b": true, "acme:request:r": true, "acme:event:a/7": true}')).toEqual({
      requestId: "r",
      eventType: "a",
      eventId: "7",
    });
  });

  it.each([
    null,
    "null",
    "{}",
    "[]",
    '{"acme:id:7": true}',
    '{"acme:request:": true}',
    '{"acme:request:a b": true}',
    '{"acme:event:7": true}',
    '{"acme:event:/": true}',
    '{"an acme:request:r": true}',
    '["\\\\", null, 7]',
  ])("is missing in %s", (flags) => {
    expect(originOf(flags)).toBeUndefined();
  });

  it("costs no flags where there is none", () => {
    expect(toFlags({})).toBeNull();
    expect(toFlags(undefined)).toBeNull();
    expect(currentFlags()).toBeNull();
  });
});

describe("the event of a durable handler", () => {
  class Shipped {
    readonly parcels = 1;
  }

  it.each([
    [{ type: "order.placed", eventId: "7" }, "{acme:event:order.placed/7}"],
    [new Shipped(), "{acme:event:Shipped/}"],
    [Object.assign(new Shipped(), { type: "express" }), "{acme:event:Shipped/}"],
    [Object.assign(new Shipped(), { eventId: "7" }), "{acme:event:Shipped/7}"],
    [{ type: "order placed", eventId: "7" }, "{acme:event:/7}"],
    [Object.create(null), null],
    [undefined, null],
    [hostile(), null],
  ])("is named by its type and id: %#", (event, flags) => {
    expect(flagsOfEvent(event)).toBe(flags);
  });

  it("replaces the event of the job in whose attempt it was recorded, and keeps the request", () => {
    const outer = { requestId: "r", eventType: "before", eventId: "1" };

    expect(withCorrelation(outer, () => flagsOfEvent({ type: "order placed", eventId: "2" }))).toBe(
      "{acme:request:r,acme:event:/2}",
    );
    expect(withCorrelation(outer, () => flagsOfEvent(undefined))).toBe("{acme:request:r,acme:event:before/1}");
  });
});

/** Throws whatever is asked. */
function hostile(): object {
  return new Proxy(
    {},
    {
      get() {
        throw new Error("no");
      },
    },
  );
}
