import { expect, test } from "vitest";

import { ago, count, counted, roleOf, shortName, span, took, utc } from "../src/text/format";

test("numbers", () => {
  expect([count(1234567), counted(1, "use"), counted(2, "use"), counted(0, "use")]).toEqual(["1,234,567", "1 use", "2 uses", "0 uses"]);
});

test.each([
  [0.000_012, "12 µs"],
  [0.000_999_9, "1.00 ms"],
  [0.0123, "12 ms"],
  [0.9999, "1.0 s"],
  [59.96, "1 min"],
  [3_725, "1 h 2 min"],
])("%f seconds took %s", (seconds, text) => {
  expect(took(seconds)).toBe(text);
});

test.each([
  [0, "0 s"],
  [-5, "0 s"],
  [59, "59 s"],
  [61, "1 min 1 s"],
  [3_600, "1 h"],
  [90_061, "1 d 1 h"],
])("a span of %d seconds is %s", (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

test("how long ago, and in how long", () => {
  const now = new Date("2026-11-28T08:00:00Z");
  const shown = ["2026-11-28T07:59:59Z", "2026-11-28T07:58:00Z", "2026-11-28T09:00:00Z"].map((time) => ago(new Date(time), now));
  expect(shown).toEqual(["now", "2 min ago", "in 1 h"]);
});

test("UTC keeps what the gate said", () => {
  expect(utc("2026-11-28T07:30:00.123456Z")).toBe("2026-11-28 07:30:00.123456 UTC");
});

test("roles by account and name, and what is none", () => {
  expect(roleOf("arn:aws:iam::123456789012:role/path/RoleA")).toEqual({ account: "123456789012", name: "RoleA" });
  expect([roleOf("cluster demo"), shortName("cluster demo")]).toEqual([null, "cluster demo"]);
});
