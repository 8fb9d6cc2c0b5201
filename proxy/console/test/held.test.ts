import { expect, test } from "vitest";

import { Held, MAX_HELD } from "../src/views/live/store";
import { decision } from "./samples";

const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => decision(String(from + index)));

test("newest first, each once", () => {
  const held = new Held();
  expect([held.add(many(3)), held.add(many(4)), held.size]).toEqual([3, 1, 4]);
  expect([held.row(0)?.id, held.row(3)?.id, held.row(4)]).toEqual(["3", "0", undefined]);
  expect([held.indexOf("0"), held.indexOf("nobody"), held.find("2")?.id]).toEqual([3, null, "2"]);
});

test("what is held is bounded, and the rest is found where it stands", () => {
  const held = new Held();
  for (let from = 0; from < 3 * MAX_HELD; from += 500) held.add(many(500, from));
  expect(held.size).toBe(MAX_HELD);
  const newest = 3 * MAX_HELD - 1;
  expect([held.indexOf(String(newest)), held.indexOf(String(newest - 700)), held.indexOf("0")]).toEqual([0, 700, null]);
  expect(held.row(MAX_HELD)?.id === undefined || held.indexOf(held.row(MAX_HELD)?.id ?? "") === null).toBe(true);
});

test("older ones go in front, in their order, and not beyond the bound", () => {
  const held = new Held();
  held.add(many(2, 10));
  held.addOlder(many(3, 7).reverse());
  expect(Array.from({ length: held.size }, (_, index) => held.row(index)?.id)).toEqual(["11", "10", "9", "8", "7"]);
  held.addOlder(many(MAX_HELD, 100_000).reverse());
  expect(held.size).toBe(MAX_HELD);
});

test("an outcome reaches its decision alone", () => {
  const held = new Held();
  held.add(many(2));
  const outcome = { time: "2026-11-28T07:30:00Z", outcome: "completed" as const, rows: 3, error: null, seconds: 1, runs: 1 };
  expect([held.outcome({ of: "1", ...outcome }), held.outcome({ of: "9", ...outcome })]).toEqual([true, false]);
  expect([held.row(0)?.outcome, held.row(1)?.outcome]).toEqual([outcome, null]);
});

test("values for the filters are those that were seen", () => {
  const held = new Held();
  held.add([decision("1", { user: "b" }), decision("2", { user: "a", codes: ["RG203"], application: "" })]);
  const seen = held.seen();
  expect([seen.get("user"), seen.get("code"), seen.get("bucket"), seen.get("application")]).toEqual([["a", "b"], ["RG203"], ["landing"], ["dbt"]]);
});
