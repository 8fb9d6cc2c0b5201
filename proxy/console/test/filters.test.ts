import { expect, test } from "vitest";

import { bucketOf, FILTER_NAMES, FILTERS, filtersOf, isEmpty, isOfStatements } from "../src/filters";

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

test("some filters fit judged statements alone", () => {
  expect([isOfStatements({}), isOfStatements({ role: "r", bucket: "b", at: "x", chain: "c", gate: "g" }), isOfStatements({ group: "etl" })]).toEqual([false, false, true]);
});
