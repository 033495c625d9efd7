import { describe, expect, it } from "vitest";
import { clientOf } from "../src/http/client-address.ts";

describe("the address of a client", () => {
  it.each(["192.0.2.1", "192.0.2.1:1234", "::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"])(
    "is one IPv4 address, whether a proxy writes it as %s",
    (text) => {
      expect(clientOf(text)).toBe("192.0.2.1");
    },
  );

  it.each(["[::ffff:192.0.2.1]:80", "[::ffff:c000:201]"])("is an IPv4 address also in brackets: %s", (text) => {
    expect(clientOf(text)).toBe("192.0.2.1");
  });

  it.each(["2001:db8:9:9::1", "[2001:db8:9:9::1]", "[2001:db8:9:9:a:b:c:d]:44", "2001:0DB8:9:9::192.0.2.1"])(
    "is the /64 network of an IPv6 address, whether a proxy writes it as %s",
    (text) => {
      expect(clientOf(text)).toBe("2001:db8:9:9::");
    },
  );

  it("is another for another network", () => {
    expect(new Set(["192.0.2.1", "192.0.2.2", "2001:db8:9:9::1", "2001:db8:9:a::1"].map(clientOf)).size).toBe(4);
  });

  it.each(["", "unknown", "_hidden", "0x7f.1", "192.0.2", "192.0.2.1:", "[192.0.2.1", "::1]", "192.0.2.1:80:80"])(
    "is not read from %j",
    (text) => {
      expect(clientOf(text)).toBeUndefined();
    },
  );
});
