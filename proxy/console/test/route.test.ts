import { beforeAll, expect, test, vi } from "vitest";

// The module follows the address of its page.
vi.stubGlobal("location", { hash: "" });
vi.stubGlobal("addEventListener", () => undefined);
let route: typeof import("../src/route");
beforeAll(async () => {
  route = await import("../src/route");
});

test.each([
  ["", "graph", []],
  ["#/live", "live", []],
  ["#/live?user=etl&role=", "live", [["user", "etl"]]],
  ["#/nowhere?user=etl", "graph", [["user", "etl"]]],
  ["#/why?sql=select%201%3B%0A%3F", "why", [["sql", "select 1;\n?"]]],
])("%s", (hash, view, params) => {
  const read = route.parseRoute(hash);
  expect([read.view, [...read.params]]).toEqual([view, params]);
});

test("an address reads as it was written, whatever stands in it", () => {
  const params: [string, string][] = [["user", "a&b=c#d?\u202e"], ["chain", "arn:aws:iam::1:role/A,arn:aws:iam::2:role/B"]];
  expect([...route.parseRoute(route.formatRoute("live", params)).params]).toEqual(params);
});

test("changes set, replace and remove", () => {
  const before = new Map([["user", "etl"], ["code", "RG203"]]);
  expect([...route.changed(before, { user: "analyst", code: null, kind: "" })]).toEqual([["user", "analyst"]]);
  expect(before.get("code")).toBe("RG203");
});
