import { expect, it } from "vitest";
import { clientAddress, networkOf } from "../../functions/client-address.ts";

const peer = "10.0.0.1";

it.for<[number, string | undefined, string, string]>([
  [0, "203.0.113.9", peer, "nobody in front is trusted"],
  [1, undefined, peer, "there is no header"],
  [1, "203.0.113.9", "203.0.113.9", "what our proxy was asked from"],
  [1, "198.51.100.1, 203.0.113.9", "203.0.113.9", "what the client made up is ignored"],
  [2, "198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9", "two proxies"],
  [2, "203.0.113.9", peer, "one of two proxies was gone round"],
  [1, "198.51.100.1, unknown", peer, "it is no address"],
  [1, "203.0.113.9:4711", "203.0.113.9", "with a port"],
  [1, "[2001:db8::1]:4711", "2001:db8::1", "of IPv6, with a port"],
  [1, "::ffff:203.0.113.9", "203.0.113.9", "IPv4 as IPv6"],
  [1, "", peer, "empty"],
])("behind %i proxies, %s is %s: %s", ([hops, header, address]) => {
  expect(clientAddress(peer, header, hops)).toBe(address);
});

it("is the other end of the connection, in the form of its own family", () => {
  expect(clientAddress("::ffff:127.0.0.1", undefined, 0)).toBe("127.0.0.1");
  expect(clientAddress("::1", undefined, 0)).toBe("::1");
  expect(clientAddress(undefined, undefined, 0)).toBeUndefined();
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:0db8:0001:0002::", "2001:db8:1:2"],
  ["::1", "0:0:0:0"],
])("%s is counted as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
