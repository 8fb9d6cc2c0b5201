import { expect, test } from "vitest";

import { bucketOf, FILTER_NAMES, FILTERS, filtersOf, isEmpty, passes, type Filters } from "../src/filters";
import { A, B, decision } from "./samples";

test.each<[Filters, boolean]>([
  [{}, true],
  [{ user: "etl" }, true],
  [{ user: "ETL" }, false],
  [{ group: "etl", application: "dbt" }, true],
  [{ group: "etl", application: "psql" }, false],
  [{ role: B }, true],
  [{ role: `${A},${B}` }, false],
  [{ chain: `${A},${B}` }, true],
  [{ chain: A }, false],
  [{ bucket: "landing" }, true],
  [{ bucket: "land" }, false],
  [{ code: "RG203" }, false],
  [{ rule: "permit-all" }, true],
  [{ kind: "unload", verdict: "allowed", would_be: "forward", gate: "demo" }, true],
  [{ verdict: "refused" }, false],
])("%o", (filters, want) => {
  expect(passes(decision("1"), filters)).toBe(want);
});

test("what is no filter is left alone", () => {
  const filters = filtersOf(new Map([["user", "etl"], ["id", "7"], ["sql", "select"]]));
  expect([filters, isEmpty(filters), isEmpty({})]).toEqual([{ user: "etl" }, false, true]);
});

test("every filter is offered once", () => {
  expect(FILTERS.map((filter) => filter.name).sort()).toEqual([...FILTER_NAMES].sort());
});

test("buckets", () => {
  expect([bucketOf("s3://b/k/e"), bucketOf("s3://b"), bucketOf("dev.public"), bucketOf(null)]).toEqual(["b", "b", null, null]);
});
