// The mock gate answers as the description of the API says: what the pages are tested with is what the gate sends.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import Ajv from "ajv/dist/2020.js";

import { SMALL } from "./company.mjs";
import { Mock } from "./mock.mjs";

const DESCRIPTION = JSON.parse(await readFile(new URL("../../proxy/console/openapi.json", import.meta.url), "utf8"));
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(DESCRIPTION, "api");

/** The gate writes every field, so a field that the mock forgets is a mistake too, whether or not the description demands it. */
function missing(schema, value, at = "") {
  const target = schema.$ref ? schema.$ref.split("/").slice(1).reduce((part, name) => part[name], DESCRIPTION) : schema;
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => missing(target.items ?? {}, item, `${at}/${index}`));
  const parts = [target, ...(target.allOf ?? []), ...(target.oneOf ?? [])];
  return parts.flatMap((part) => {
    if (part !== target) return missing(part, value, at);
    return Object.entries(part.properties ?? {}).flatMap(([name, inner]) => (name in value ? missing(inner, value[name], `${at}/${name}`) : [`${at}/${name}`]));
  });
}

let mock;
before(async () => {
  mock = await new Mock().listen();
});
after(() => mock?.close());

function agrees(name, value) {
  const validate = ajv.getSchema(`api#/components/schemas/${name}`);
  assert.ok(validate, name);
  assert.ok(validate(value), `${name}: ${JSON.stringify(validate.errors?.slice(0, 5))}`);
  assert.deepEqual(missing({ $ref: `#/components/schemas/${name}` }, value), [], name);
}

const to = SMALL.chains[3].roles[1];
const rows = () => [
  ["/status", "Status"],
  ["/decisions", "Decisions"],
  [`/decisions/${mock.held.findLast((one) => one.stored_uses.length > 0).id}`, "DecisionRecord"],
  [`/decisions/${mock.held.at(-1).id}`, "DecisionRecord"],
  [`/decisions/${mock.held.findLast((one) => one.verdict === "would_be_refused").id}`, "DecisionRecord"],
  ["/graph?unused=true", "Graph"],
  ["/refusals?by=chain", "Refusals"],
  ["/refusals?by=rule&view=would_be", "Refusals"],
  ["/sessions", "Sessions"],
  ["/facts", "Facts"],
  ["/catalog", "Catalog"],
  ["/coverage", "Coverage"],
  [`/can-assume?from=cluster&to=${to}`, "CanAssume"],
  [`/paths?to=${to}`, "Paths"],
];

test("every answer", async () => {
  for (const [path, name] of rows()) {
    const answer = await fetch(`http://127.0.0.1:${mock.port}/api/v1${path}`);
    agrees(name, await answer.json());
  }
});

test("explanations", async () => {
  const sql = `copy t from 's3://b' iam_role '${SMALL.chains[3].roles.join(",")}'`;
  for (const body of [{ sql }, { sql: "select 1" }, { sql, rules: "permit (principal, action, resource);" }]) {
    const answer = await fetch(`http://127.0.0.1:${mock.port}/api/v1/explain`, { method: "POST", body: JSON.stringify(body) });
    agrees("ExplainAnswer", await answer.json());
  }
});

test("events", () => {
  const sent = [];
  mock.streams.add({ query: {}, send: (event, data) => sent.push([event, data]) });
  mock.emit(20);
  mock.lose(3);
  const names = { decision: "Decision", outcome: "OutcomeEvent", lost: "LostEvent" };
  assert.deepEqual(new Set(sent.map(([event]) => event)), new Set(Object.keys(names)));
  for (const [event, data] of sent) agrees(names[event], data);
  mock.streams.clear();
});
